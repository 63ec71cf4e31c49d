package io.cloe.it.faults;

import io.cloe.it.faults.StudyLoad.Expected;
import io.cloe.it.tools.Outputs;
import io.cloe.schemas.FailureReason;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What must be true of all results in the end, whatever failed: every study has its last result, its revisions are each there once and
 * without gaps, the weights go with them, the masks exist, and a model makes one mask of one input.
 */
public final class Promise {

    private final Outputs outputs;
    private final List<Expected> expected;
    private final Map<String, TreeMap<Integer, List<Segmentation>>> results = new HashMap<>();
    private final Map<String, Integer> weights = new HashMap<>();
    private final List<StudyFailure> failures = new ArrayList<>();

    private Promise(Outputs outputs, List<Expected> expected) {
        this.outputs = outputs;
        this.expected = expected;
    }

    /**
     * What became of some studies.
     *
     * @param studies how many there were
     * @param results revisions published
     * @param lost studies without the result that they should have come to
     * @param duplicates revisions published more than once
     * @param gaps studies whose revisions do not count up from 0, or whose weights do not go with them
     * @param dangling results whose mask is not there or is another file
     * @param different inputs of which one model made more than one mask
     * @param orphans files in the mask directory that no result refers to
     * @param failures failure records that say that nothing will be tried again
     * @param met reasons of all failures, got over or not
     * @param maskOf SHA-256 of the mask by digest of the input and version of the model
     */
    public record Verdict(
            int studies,
            int results,
            List<String> lost,
            List<String> duplicates,
            List<String> gaps,
            List<String> dangling,
            List<String> different,
            int orphans,
            List<String> failures,
            Set<FailureReason> met,
            Map<String, String> maskOf) {

        /** How often the promise was broken. */
        public int violations() {
            return lost.size() + duplicates.size() + gaps.size() + dangling.size() + different.size() + failures.size();
        }

        /** Each violation by name. */
        public List<String> named() {
            List<String> all = new ArrayList<>();
            lost.forEach(study -> all.add("lost: " + study));
            duplicates.forEach(revision -> all.add("twice: " + revision));
            gaps.forEach(study -> all.add("gap: " + study));
            dangling.forEach(revision -> all.add("dangling: " + revision));
            different.forEach(input -> all.add("different masks: " + input));
            failures.forEach(failure -> all.add("failed: " + failure));
            return all;
        }
    }

    /**
     * Waits until every study has come to its end, or the time is up, and judges.
     *
     * @param masks the mask directory
     */
    public static Verdict judge(Outputs outputs, List<Expected> expected, Path masks, Duration patience)
            throws IOException {
        Instant end = Instant.now().plus(patience);
        while (true) {
            outputs.drain();
            Promise promise = new Promise(outputs, expected);
            promise.read();
            if (promise.lost().isEmpty() || Instant.now().isAfter(end)) {
                return promise.verdict(masks);
            }
        }
    }

    private void read() {
        outputs.all().forEach(seen -> {
            if (seen.value() instanceof Segmentation result) {
                results.computeIfAbsent(result.getStudyId(), study -> new TreeMap<>())
                        .computeIfAbsent(result.getRevision(), revision -> new ArrayList<>())
                        .add(result);
            } else if (seen.value() instanceof GatingWeights one) {
                weights.merge(name(one.getStudyId(), one.getRevision()), 1, Integer::sum);
            } else if (seen.value() instanceof StudyFailure failure) {
                failures.add(failure);
            }
        });
    }

    private static String name(String study, int revision) {
        return study + "#" + revision;
    }

    private List<String> lost() {
        return expected.stream()
                .filter(study -> !cameTo(study))
                .map(Expected::studyId)
                .toList();
    }

    /** Where a study stands that did not come to its end. */
    private String story(String studyId) {
        Expected study = expected.stream()
                .filter(one -> one.studyId().equals(studyId))
                .findFirst()
                .orElseThrow();
        String revisions = results.getOrDefault(studyId, new TreeMap<>()).values().stream()
                .map(result -> result.get(0))
                .map(result -> result.getTrigger() + " "
                        + result.getUsed().stream()
                                .map(used -> used.getModality() + "@" + used.getScanRevision())
                                .toList())
                .toList()
                .toString();
        return studyId + " of " + study.files().keySet() + " has " + revisions + ", stands "
                + outputs.status(studyId)
                        .map(status -> status.getPhase() + " " + status.getReason() + " " + status.getHistory())
                        .orElse("nowhere");
    }

    private boolean cameTo(Expected study) {
        TreeMap<Integer, List<Segmentation>> revisions = results.get(study.studyId());
        if (revisions == null) {
            return false;
        }
        Map<String, String> used = revisions.lastEntry().getValue().get(0).getUsed().stream()
                .collect(Collectors.toMap(ScanReference::getModality, ScanReference::getEventId));
        return used.equals(study.eventIds());
    }

    private Verdict verdict(Path masks) throws IOException {
        List<String> duplicates = new ArrayList<>();
        List<String> gaps = new ArrayList<>();
        List<String> dangling = new ArrayList<>();
        Map<String, Set<String>> masksOf = new TreeMap<>();
        Set<Path> referenced = new HashSet<>();
        int count = 0;
        for (Map.Entry<String, TreeMap<Integer, List<Segmentation>>> study : results.entrySet()) {
            int next = 0;
            for (Map.Entry<Integer, List<Segmentation>> revision :
                    study.getValue().entrySet()) {
                String name = name(study.getKey(), revision.getKey());
                count += revision.getValue().size();
                if (revision.getValue().size() > 1) {
                    duplicates.add(name);
                }
                if (revision.getKey() != next++
                        || weights.getOrDefault(name, 0) != revision.getValue().size()) {
                    gaps.add(name);
                }
                for (Segmentation result : revision.getValue()) {
                    Path mask = Path.of(URI.create(result.getMask().getUri()));
                    referenced.add(mask);
                    if (!Files.exists(mask)
                            || !sha256(mask).equals(result.getMask().getSha256())) {
                        dangling.add(name);
                    }
                    masksOf.computeIfAbsent(
                                    result.getInputDigest() + " of model "
                                            + result.getModel().getVersion(),
                                    input -> new HashSet<>())
                            .add(result.getMask().getSha256());
                }
            }
        }
        List<String> different = masksOf.entrySet().stream()
                .filter(input -> input.getValue().size() > 1)
                .map(Map.Entry::getKey)
                .toList();
        Map<String, String> maskOf = new TreeMap<>();
        masksOf.forEach(
                (input, itsMasks) -> maskOf.put(input, itsMasks.iterator().next()));
        return new Verdict(
                expected.size(),
                count,
                lost().stream().map(this::story).toList(),
                duplicates,
                gaps,
                dangling,
                different,
                orphans(masks, referenced),
                failures.stream()
                        .filter(failure -> !failure.getRetriable())
                        .map(failure -> failure.getStudyId() + " " + failure.getReason())
                        .toList(),
                failures.stream().map(StudyFailure::getReason).collect(Collectors.toSet()),
                maskOf);
    }

    private static int orphans(Path masks, Set<Path> referenced) throws IOException {
        if (!Files.isDirectory(masks)) {
            return 0;
        }
        try (Stream<Path> files = Files.walk(masks)) {
            return (int) files.filter(Files::isRegularFile)
                    .filter(file -> !referenced.contains(file))
                    .count();
        }
    }

    private static String sha256(Path file) throws IOException {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java runtime has SHA-256", e);
        }
    }
}
