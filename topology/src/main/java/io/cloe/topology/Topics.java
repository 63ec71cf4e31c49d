package io.cloe.topology;

import java.util.List;

/**
 * Names of the topics.
 *
 * @param scanEvents in: one event per volume
 * @param studyCommands in: operators' commands
 * @param inferenceResults internal: how the executor reports
 * @param segmentations out: results
 * @param gatingWeights out: their weights
 * @param studyStatus out, compacted: where each study stands
 * @param studyFailures out: typed failures
 * @param deadLetters out: records that could not be read
 * @param qaFeedback what people think of results; written by the review page, not by the topology
 * @param reprocessCampaigns in, compacted: campaigns, each in every partition
 * @param reprocessProgress out, compacted: how far campaigns are
 * @param modelComparisons out: studies segmented by two models
 * @param modelAssignments compacted: which model serves a family; read by workers, not by the topology
 * @param modelReadiness compacted: which worker can run which model; written by workers, not by the topology
 */
public record Topics(
        String scanEvents,
        String studyCommands,
        String inferenceResults,
        String segmentations,
        String gatingWeights,
        String studyStatus,
        String studyFailures,
        String deadLetters,
        String qaFeedback,
        String reprocessCampaigns,
        String reprocessProgress,
        String modelComparisons,
        String modelAssignments,
        String modelReadiness) {

    /** The default names, each with the given prefix, which may be empty. */
    public static Topics withPrefix(String prefix) {
        return new Topics(
                prefix + "scan-events",
                prefix + "study-commands",
                prefix + "inference-results",
                prefix + "segmentations",
                prefix + "gating-weights",
                prefix + "study-status",
                prefix + "study-failures",
                prefix + "dead-letters",
                prefix + "qa-feedback",
                prefix + "reprocess-campaigns",
                prefix + "reprocess-progress",
                prefix + "model-comparisons",
                prefix + "model-assignments",
                prefix + "model-readiness");
    }

    /** Topics that must have equally many partitions: one task reads the same partition of each. */
    public List<String> copartitioned() {
        return List.of(scanEvents, studyCommands, inferenceResults, reprocessCampaigns);
    }

    /** Topics that are made and checked along with the others, though no task reads or writes them. */
    public List<String> besides() {
        return List.of(qaFeedback, modelAssignments, modelReadiness);
    }

    /** Topics that results and failures are written to. */
    public List<String> outputs() {
        return List.of(
                segmentations,
                gatingWeights,
                studyStatus,
                studyFailures,
                deadLetters,
                reprocessProgress,
                modelComparisons);
    }

    /** Topics of which the last record for a key is all that is asked for, however long ago it was written. */
    public List<String> compacted() {
        return List.of(studyStatus, reprocessCampaigns, reprocessProgress, modelAssignments, modelReadiness);
    }
}
