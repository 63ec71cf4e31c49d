package io.cloe.topology.study;

import io.cloe.schemas.CampaignItem;
import io.cloe.schemas.CampaignMode;
import io.cloe.schemas.CampaignOutput;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.JobScan;
import io.cloe.schemas.PublishedResult;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Trigger;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** What a campaign does with one study: run a model on the scans of its result, or on all it has. Plain functions. */
public final class Replay {

    /**
     * What is to be done.
     *
     * @param item the job with what it is compared with; empty if there is nothing to do
     * @param skipped why not, if so
     */
    public record Plan(Optional<CampaignItem> item, Optional<Skipped> skipped) {}

    /** Why a selected study is not run. Names are part of the contract of the progress topic. */
    public enum Skipped {
        /** Its scans changed, and a live revision is on its way. */
        LIVE_WORK,
        /** An operator holds or cancelled it. */
        HELD_BY_OPERATOR,
        /** A scan of its result is no longer there. */
        SCAN_GONE,
        /** The model made its result, from the same scans. */
        MODEL_ALREADY,
        /** A live revision, or an operator, came first. */
        OVERTAKEN,
        /** More studies came than may be at work; only for a canary. */
        TOO_MANY_AT_A_TIME
    }

    private Replay() {}

    /**
     * Plans one study.
     *
     * @param campaign selects the study
     * @param study has a result
     */
    public static Plan plan(ReprocessCampaign campaign, Study study, Instant now) {
        boolean publishes = campaign.getOutput() == CampaignOutput.PUBLISH;
        if (publishes && study.reason() != StatusReason.RESULT_PUBLISHED) {
            return skipped(byOperator(study) ? Skipped.HELD_BY_OPERATOR : Skipped.LIVE_WORK);
        }
        PublishedResult result = study.current().orElseThrow();
        List<JobScan> scans = campaign.getMode() == CampaignMode.AS_COMPLETE ? all(study) : decided(study, result);
        if (scans.isEmpty()) {
            return skipped(Skipped.SCAN_GONE);
        }
        boolean same = CampaignMatch.isMadeBy(campaign.getModel(), study) && sameScans(scans, result.getUsed());
        if (publishes && same) {
            return skipped(Skipped.MODEL_ALREADY);
        }
        return new Plan(Optional.of(item(campaign, study, result, scans, now)), Optional.empty());
    }

    private static boolean byOperator(Study study) {
        return study.reason() == StatusReason.HELD_BY_OPERATOR || study.reason() == StatusReason.CANCELLED_BY_OPERATOR;
    }

    private static Plan skipped(Skipped why) {
        return new Plan(Optional.empty(), Optional.of(why));
    }

    private static List<JobScan> all(Study study) {
        return study.scans().values().stream()
                .filter(scan -> !scan.retracted())
                .map(scan -> new JobScan(scan.reference(), scan.volume().orElseThrow()))
                .toList();
    }

    /** The scans of a result, in the order of its job; none if one of them was replaced or retracted since. */
    private static List<JobScan> decided(Study study, PublishedResult result) {
        List<JobScan> scans = new ArrayList<>();
        for (ScanReference used : result.getUsed()) {
            Scan scan = study.scans().get(used.getModality());
            if (scan == null || scan.retracted() || !scan.reference().equals(used)) {
                return List.of();
            }
            scans.add(new JobScan(used, scan.volume().orElseThrow()));
        }
        return scans;
    }

    /** Whether a job uses the scans of a result. */
    public static boolean sameScans(List<JobScan> scans, List<ScanReference> used) {
        return Set.copyOf(scans.stream().map(JobScan::getScan).toList()).equals(Set.copyOf(used));
    }

    private static CampaignItem item(
            ReprocessCampaign campaign, Study study, PublishedResult result, List<JobScan> scans, Instant now) {
        InferenceJob job = InferenceJob.newBuilder()
                .setJobId(id(campaign.getCampaignId(), study.id(), result.getRevision(), 1))
                .setStudyId(study.id())
                .setFamily(study.family())
                .setRevision(result.getRevision() + 1)
                .setTrigger(Trigger.REPROCESS)
                .setAttempt(1)
                .setPriority(0)
                .setScans(scans)
                .setPrevious(Jobs.previous(result))
                .setQueuedAt(now)
                .setTraceparent(study.traceparent().orElse(null))
                .setModel(campaign.getModel())
                .setSite(study.site().orElse(null))
                .build();
        return new CampaignItem(campaign.getCampaignId(), job, result, null);
    }

    /** The same once more, under a new id. */
    public static CampaignItem again(CampaignItem failed, Instant notBefore) {
        InferenceJob job = failed.getJob();
        int attempt = job.getAttempt() + 1;
        String id =
                id(failed.getCampaignId(), job.getStudyId(), failed.getBefore().getRevision(), attempt);
        return CampaignItem.newBuilder(failed)
                .setJob(InferenceJob.newBuilder(job)
                        .setJobId(id)
                        .setAttempt(attempt)
                        .build())
                .setNotBefore(notBefore)
                .build();
    }

    /**
     * The same once more at once, without modalities that cannot be used, as a live job would go on.
     *
     * @return empty if nothing would be left, or if the decided scans are to be used and no others
     */
    public static Optional<CampaignItem> without(CampaignItem failed, CampaignMode mode, Set<String> modalities) {
        List<JobScan> rest = failed.getJob().getScans().stream()
                .filter(scan -> !modalities.contains(scan.getScan().getModality()))
                .toList();
        boolean fewer = rest.size() < failed.getJob().getScans().size();
        if (mode != CampaignMode.AS_COMPLETE || rest.isEmpty() || !fewer) {
            return Optional.empty();
        }
        CampaignItem again = again(failed, null);
        return Optional.of(CampaignItem.newBuilder(again)
                .setJob(InferenceJob.newBuilder(again.getJob()).setScans(rest).build())
                .build());
    }

    private static String id(String campaign, String study, int revision, int attempt) {
        String seed = "campaign\n" + campaign + "\n" + study + "\n" + revision + "\n" + attempt;
        return UUID.nameUUIDFromBytes(seed.getBytes(StandardCharsets.UTF_8)).toString();
    }
}
