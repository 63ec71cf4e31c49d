package io.cloe.it.faults;

import io.cloe.it.tools.Bundles;
import io.cloe.it.tools.CommandLines;
import io.cloe.it.tools.CommandLines.Said;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Waiting;
import io.cloe.schemas.CampaignPhase;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.ReprocessProgress;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.Trigger;
import io.cloe.topology.study.Replay.Skipped;
import io.cloe.worker.cli.ExitCode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.ToLongFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A campaign that publishes, as its owner steers it and as consumers see it. */
final class Campaign {

    private static final Pattern NAME = Pattern.compile("campaign (\\p{XDigit}+)");

    private final String id;
    private final Bundles.Name model;
    private final List<String> studies;
    private final CommandLines cloe;
    private final Outputs outputs;

    private Campaign(String id, Bundles.Name model, List<String> studies, CommandLines cloe, Outputs outputs) {
        this.id = id;
        this.model = model;
        this.studies = List.copyOf(studies);
        this.cloe = cloe;
        this.outputs = outputs;
    }

    /**
     * Starts one; a worker must run.
     *
     * @param studies that the options select
     */
    static Campaign begin(
            CommandLines cloe, Outputs outputs, Bundles.Name model, List<String> studies, String... options) {
        Matcher named = NAME.matcher(cloe.run(order(model, options)));
        if (!named.find()) {
            throw new AssertionError("a campaign without a name");
        }
        return new Campaign(named.group(1), model, studies, cloe, outputs);
    }

    /** As {@link #begin}, while workers and brokers come and go: a command that Kafka does not answer in time is given again. */
    static Campaign beginInTheEnd(
            CommandLines cloe, Outputs outputs, Bundles.Name model, List<String> studies, String... options) {
        AtomicReference<String> id = new AtomicReference<>();
        Waiting.until("a campaign to begin").until(() -> {
            Said said = id.get() == null ? cloe.say(order(model, options)) : cloe.say("reprocess", "resume", id.get());
            Matcher named = NAME.matcher(said.out() + said.err());
            if (named.find()) {
                id.set(named.group(1)); // It may have begun in some partitions only.
            }
            boolean goesOn = said.code() == ExitCode.KAFKA || said.err().contains("running worker");
            if (said.code() != ExitCode.OK && !goesOn) {
                throw new AssertionError(said.toString());
            }
            return said.code() == ExitCode.OK;
        });
        return new Campaign(id.get(), model, studies, cloe, outputs);
    }

    private static String[] order(Bundles.Name model, String... options) {
        return Stream.concat(Arrays.stream(model.arguments("reprocess", "start", "--publish")), Arrays.stream(options))
                .toArray(String[]::new);
    }

    /** Lets it go on as fast as it can; until then a rate holds it up while things are done to it. */
    void hurry() {
        cloe.run("reprocess", "resume", id, "--rate", "6000");
    }

    /** Waits until so many studies are told to be done, and fails if that were all. */
    void awaitDone(int least) {
        outputs.await(least + " studies to be done", () -> sum(ReprocessProgress::getDone) >= least);
        requireUnderWay();
    }

    /** Fails when it is over: what is done to it now would show nothing. */
    void requireUnderWay() {
        outputs.drain();
        if (sum(ReprocessProgress::getDone) >= studies.size()) {
            throw new AssertionError("the campaign was over too early");
        }
    }

    /** Whether it was told to be over, in what was read so far. */
    boolean isOver() {
        return parts().size() == Situation.PARTITIONS
                && parts().stream().allMatch(part -> part.getPhase() == CampaignPhase.DONE);
    }

    /**
     * Waits for its end.
     *
     * @param fleet that runs it
     */
    void awaitEnd(Fleet fleet) {
        try {
            outputs.await("the campaign's end", this::isOver);
        } catch (AssertionError e) {
            throw new AssertionError("the campaign does not end: " + parts() + "\n" + fleet.lastWords(), e);
        }
        outputs.drain();
    }

    /** What each partition told last. */
    private List<ReprocessProgress> parts() {
        return List.copyOf(outputs.all().stream()
                .map(Outputs.Seen::value)
                .filter(ReprocessProgress.class::isInstance)
                .map(ReprocessProgress.class::cast)
                .filter(part -> part.getCampaignId().equals(id))
                .collect(Collectors.toMap(ReprocessProgress::getPartition, part -> part, (former, later) -> later))
                .values());
    }

    private long sum(ToLongFunction<ReprocessProgress> count) {
        return parts().stream().mapToLong(count).sum();
    }

    /** Studies that it has compared, and so published, in what was read so far. */
    long done() {
        return studies.stream().mapToLong(study -> compared(study).size()).sum();
    }

    private List<ModelComparison> compared(String study) {
        return outputs.of(study, ModelComparison.class).stream()
                .filter(one -> one.getCampaignId().equals(id))
                .toList();
    }

    /**
     * Each study that it did not do exactly once, and each of its counts that says something else.
     *
     * @param disturbed studies that scans came to meanwhile: a live revision may have gone first
     */
    List<String> problems(Set<String> disturbed) {
        List<String> problems = new ArrayList<>();
        for (String study : studies) {
            List<ModelComparison> compared = compared(study);
            boolean once = compared.size() == 1 && isPublished(compared.get(0));
            boolean leftToLiveWork = compared.isEmpty() && disturbed.contains(study);
            if (!once && !leftToLiveWork) {
                problems.add(id + ": " + study + " compared " + compared.size() + " times, published "
                        + outputs.segmentations(study));
            }
        }
        long done = done();
        long overtaken = sum(part -> part.getReasons().getOrDefault(Skipped.OVERTAKEN.name(), 0L));
        check(problems, "selected", ReprocessProgress::getSelected, studies.size());
        check(problems, "started", ReprocessProgress::getStarted, done + overtaken);
        check(problems, "done", ReprocessProgress::getDone, done);
        check(problems, "skipped", ReprocessProgress::getSkipped, studies.size() - done);
        check(problems, "failed", ReprocessProgress::getFailed, 0);
        return problems;
    }

    private void check(List<String> problems, String what, ToLongFunction<ReprocessProgress> count, long expected) {
        if (sum(count) != expected) {
            problems.add(id + ": " + what + " " + sum(count) + " studies, and not " + expected);
        }
    }

    /** Whether the revision that a comparison speaks of is there once, with its weights, and made by the model. */
    private boolean isPublished(ModelComparison comparison) {
        int revision = comparison.getPublishedRevision();
        List<Segmentation> results = outputs.segmentations(comparison.getStudyId()).stream()
                .filter(one -> one.getRevision() == revision)
                .toList();
        long weights = outputs.of(comparison.getStudyId(), GatingWeights.class).stream()
                .filter(one -> one.getRevision() == revision)
                .count();
        return results.size() == 1
                && weights == 1
                && results.get(0).getTrigger() == Trigger.REPROCESS
                && results.get(0).getModel().getVersion().equals(model.version());
    }

    /** Studies with another number of revisions of campaigns than campaigns have told of. */
    static List<String> untold(Outputs outputs, List<String> studies) {
        Map<String, String> untold = new TreeMap<>();
        for (String study : studies) {
            long published = outputs.segmentations(study).stream()
                    .filter(one -> one.getTrigger() == Trigger.REPROCESS)
                    .count();
            int told = outputs.of(study, ModelComparison.class).size();
            if (published != told) {
                untold.put(study, published + " revisions of campaigns, " + told + " comparisons");
            }
        }
        return untold.entrySet().stream()
                .map(study -> study.getKey() + ": " + study.getValue())
                .toList();
    }
}
