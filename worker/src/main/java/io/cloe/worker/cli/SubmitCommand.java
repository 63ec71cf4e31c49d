package io.cloe.worker.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.schemas.ScanEvent;
import io.cloe.worker.submit.ScanEventProducer;
import io.cloe.worker.submit.ScanEvents;
import io.cloe.worker.submit.StudyFolder;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cloe submit}. */
@Command(
        name = "submit",
        description = {
            "Sends a scan event for every volume below a folder.",
            "A study is a folder with files such as t1.nii.gz, t1ce.nii.gz, t2.nii.gz, flair.nii.gz, or in BraTS names"
                    + " (BraTS-GLI-00000-000-t1c.nii.gz). The folder's name becomes the study id: it must not be a"
                    + " patient's name.",
            "The files must lie below a volume root of the workers, under the same path."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class SubmitCommand extends WorkerCommand {

    @ArgGroup(multiplicity = "1")
    private Source source;

    /** Where events come from. */
    static final class Source {

        @Parameters(paramLabel = "DIR", description = "A study's folder, or a folder of such folders.")
        private Path folder;

        @ArgGroup(
                exclusive = false,
                heading =
                        "%nInstead of a folder: events that a topic still holds, sent once more. For studies that have"
                                + " expired or that no worker has seen; others are not changed.%n")
        private RetainedEvents retained;
    }

    @Option(
            names = "--modalities",
            split = ",",
            paramLabel = "NAME",
            description = "Send only these, comma-separated; default: all found.")
    private Set<String> modalities = Set.of();

    @Option(
            names = "--expect",
            split = ",",
            paramLabel = "NAME",
            description = "Modalities after which the study runs at once; default: all that the model knows.")
    private List<String> expected;

    @Option(
            names = "--deadline",
            paramLabel = "DURATION",
            description = "Wait no longer than this from now, such as 30s.")
    private String deadline;

    @Option(names = "--family", description = "Model family; default: the worker's first.")
    private String family;

    @Option(
            names = "--attribute",
            paramLabel = "NAME=VALUE",
            description = "Attribute of the events, such as site=north; study rules may ask for it. Repeatable.")
    private Map<String, String> attributes = Map.of();

    @Option(names = "--study-prefix", defaultValue = "", description = "Put before each folder's name.")
    private String prefix;

    @Option(
            names = "--revision",
            defaultValue = "0",
            description = "Revision of the scans; a larger one than before replaces them.")
    private int revision;

    @Option(
            names = "--revision-of",
            split = ",",
            paramLabel = "NAME=N",
            description = "The same for single modalities, comma-separated, such as T1=3,FLAIR=5.")
    private Map<String, Integer> revisions = Map.of();

    @Option(names = "--retract", description = "Take the scans back instead.")
    private boolean retract;

    @Option(names = "--priority", defaultValue = "0", description = "Larger runs first.")
    private int priority;

    @Option(
            names = "--json",
            description = "One JSON object per event of a folder that was sent, and one with the counts.")
    private boolean json;

    @Override
    public Integer call() throws Exception {
        return source.retained == null ? submit() : source.retained.send(settings.client(), this, json);
    }

    private int submit() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        Instant now = Instant.now();
        Instant latest = deadline == null ? null : now.plus(DurationOption.parse("--deadline", deadline));
        List<StudyFolder> studies = studies();
        int sent = 0;
        // Each volume is read for its digest before it is announced.
        try (ScanEventProducer producer = new ScanEventProducer(settings.client());
                Progress progress = progress(studies)) {
            for (StudyFolder study : studies) {
                for (ScanEvent event : events(study, now, latest, progress)) {
                    producer.send(event);
                    sent++;
                    if (json) {
                        progress.erase();
                        out.println(json(event));
                    }
                }
                progress.erase();
                if (!json) {
                    out.printf("%s%s: %s%n", prefix, study.name(), String.join(" ", chosen(study)));
                }
                out.flush();
            }
        } catch (IOException e) {
            complain(e.getMessage());
            return ExitCode.KAFKA;
        }
        if (json) {
            out.println(
                    JsonNodeFactory.instance.objectNode().put("events", sent).put("studies", studies.size()));
        } else {
            out.printf("%d events of %d studies sent%n", sent, studies.size());
        }
        return ExitCode.OK;
    }

    private Progress progress(List<StudyFolder> studies) {
        int volumes = studies.stream().mapToInt(study -> chosen(study).size()).sum();
        return new Progress(new LiveLine(spec.commandLine().getErr()), volumes, "volumes read", System::nanoTime);
    }

    private static ObjectNode json(ScanEvent event) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("event", event.getEventId())
                .put("study", event.getStudyId())
                .put("modality", event.getModality())
                .put("operation", event.getOperation().name())
                .put("scanRevision", event.getScanRevision());
    }

    private List<StudyFolder> studies() throws UserErrorException {
        try {
            List<StudyFolder> studies = StudyFolder.below(source.folder).stream()
                    .filter(study -> !chosen(study).isEmpty())
                    .toList();
            if (studies.isEmpty()) {
                throw new UserErrorException("no volumes in " + source.folder
                        + " or its folders; allowed: files such as t1.nii.gz or BraTS-GLI-00000-000-t2f.nii.gz");
            }
            return studies;
        } catch (IOException e) {
            throw new UserErrorException("cannot read " + source.folder + ": " + e.getMessage());
        }
    }

    private Set<String> chosen(StudyFolder study) {
        Set<String> chosen = new TreeSet<>(study.volumes().keySet());
        if (!modalities.isEmpty()) {
            chosen.retainAll(modalities);
        }
        return chosen;
    }

    private List<ScanEvent> events(StudyFolder study, Instant now, Instant latest, Progress progress)
            throws UserErrorException {
        List<ScanEvent> events = new ArrayList<>();
        for (Map.Entry<String, Path> volume : study.volumes().entrySet()) {
            if (chosen(study).contains(volume.getKey())) {
                events.add(builder(study, volume, now)
                        .setModelFamily(family)
                        .setExpectedModalities(expected)
                        .setDeadline(latest)
                        .setPriority(priority)
                        .setAttributes(attributes)
                        .build());
                progress.step();
            }
        }
        return events;
    }

    private ScanEvent.Builder builder(StudyFolder study, Map.Entry<String, Path> volume, Instant now)
            throws UserErrorException {
        String studyId = prefix + study.name();
        int scanRevision = revisions.getOrDefault(volume.getKey(), revision);
        try {
            return retract
                    ? ScanEvents.retracted(studyId, volume.getKey(), scanRevision, now)
                    : ScanEvents.available(studyId, volume.getKey(), volume.getValue(), scanRevision, now);
        } catch (IOException e) {
            throw new UserErrorException("cannot read " + volume.getValue() + ": " + e.getMessage());
        }
    }
}
