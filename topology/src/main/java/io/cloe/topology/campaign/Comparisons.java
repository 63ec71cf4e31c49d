package io.cloe.topology.campaign;

import io.cloe.schemas.CampaignItem;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.JobScan;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.PublishedResult;
import io.cloe.topology.study.Replay;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Compares a campaign's result with the one that stood. Plain functions. */
public final class Comparisons {

    private Comparisons() {}

    /**
     * Compares.
     *
     * @param published whether the campaign's result was published, as the next revision
     */
    public static ModelComparison of(CampaignItem item, InferenceOutcome outcome, boolean published, Instant now) {
        PublishedResult before = item.getBefore();
        MaskReference mask =
                MaskReference.newBuilder(outcome.getMask()).setInline(null).build();
        return ModelComparison.newBuilder()
                .setCampaignId(item.getCampaignId())
                .setStudyId(item.getJob().getStudyId())
                .setRevision(before.getRevision())
                .setDecision(before.getDecision())
                .setPublishedRevision(published ? item.getJob().getRevision() : null)
                .setUsed(item.getJob().getScans().stream().map(JobScan::getScan).toList())
                .setSameScans(Replay.sameScans(item.getJob().getScans(), before.getUsed()))
                .setBefore(before.getModel())
                .setAfter(outcome.getModel())
                .setMaskBefore(before.getMask())
                .setMaskAfter(mask)
                .setSameMask(before.getMask().getSha256().equals(mask.getSha256()))
                .setChange(outcome.getChange())
                .setVolumesMlBefore(before.getVolumesMl())
                .setVolumesMlAfter(outcome.getVolumesMl())
                .setConsistencyChange(consistencyChange(before, outcome))
                .setFlagsRaised(without(outcome.getFlags(), before.getFlags()))
                .setFlagsCleared(without(before.getFlags(), outcome.getFlags()))
                .setTimingsMsBefore(before.getTimingsMs())
                .setTimingsMsAfter(outcome.getTimingsMs())
                .setComparedAt(now)
                .build();
    }

    private static Map<String, Double> consistencyChange(PublishedResult before, InferenceOutcome outcome) {
        Map<String, Double> change = new TreeMap<>();
        for (ModalityGating gating : outcome.getGating()) {
            Double then = before.getConsistency().get(gating.getModality());
            if (then != null && gating.getConsistencyGlobal() != null) {
                change.put(gating.getModality(), gating.getConsistencyGlobal() - then);
            }
        }
        return change;
    }

    private static List<String> without(List<String> flags, List<String> others) {
        List<String> left = new ArrayList<>(flags);
        left.removeAll(others);
        return left;
    }
}
