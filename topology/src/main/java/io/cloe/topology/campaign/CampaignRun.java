package io.cloe.topology.campaign;

import io.cloe.schemas.CampaignMode;
import io.cloe.schemas.CampaignOrder;
import io.cloe.schemas.CampaignOutput;
import io.cloe.schemas.CampaignPhase;
import io.cloe.schemas.CampaignState;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.ReprocessProgress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;

/**
 * How a campaign advances in one partition. A campaign first counts the studies that it selects, then looks at each once more and runs
 * it; a canary waits for studies instead. Plain functions: each gives the next state.
 */
public final class CampaignRun {

    /** What a campaign can wait for. Names are part of the contract of the progress topic. */
    public enum Waiting {
        /** This worker does not have the model, or is still loading it. */
        MODEL_NOT_HERE,
        /** Another campaign for the same family was first. */
        ANOTHER_CAMPAIGN
    }

    /** Reason of a campaign that this build cannot carry out. */
    public static final String NOT_UNDERSTOOD = "NOT_UNDERSTOOD";

    private static final int MOST_AT_A_TIME = 1_000;

    private CampaignRun() {}

    /**
     * Follows an order. What a campaign is for never changes once it began; its rate and concurrency may.
     *
     * @param known the campaign as far as it got; empty for a new one
     */
    public static CampaignState ordered(Optional<CampaignState> known, ReprocessCampaign order, Instant now) {
        if (known.isEmpty()) {
            return begun(order, now);
        }
        CampaignState state = known.get();
        if (isOver(state)) {
            return state;
        }
        ReprocessCampaign campaign = ReprocessCampaign.newBuilder(state.getCampaign())
                .setOrder(order.getOrder())
                .setRatePerMinute(order.getRatePerMinute())
                .setConcurrency(order.getConcurrency())
                .build();
        boolean paceChanges =
                !Objects.equals(campaign.getRatePerMinute(), state.getCampaign().getRatePerMinute());
        return CampaignState.newBuilder(state)
                .setCampaign(campaign)
                .setPhase(phase(campaign, state.getCounted()))
                .setWaitingFor(null)
                // What a slower pace had put off need not wait for it any more.
                .setNextStart(paceChanges ? null : state.getNextStart())
                .setRunningSince(runningSince(state, now))
                .setChangedAt(now)
                .build();
    }

    /** When it would have begun had it not paused or waited: that time says nothing about how fast it goes. */
    private static Instant runningSince(CampaignState state, Instant now) {
        boolean idle = state.getPhase() == CampaignPhase.PAUSED || state.getPhase() == CampaignPhase.WAITING;
        return idle && state.getRunningSince() != null
                ? state.getRunningSince().plus(Duration.between(state.getChangedAt(), now))
                : state.getRunningSince();
    }

    private static CampaignState begun(ReprocessCampaign campaign, Instant now) {
        boolean understood = campaign.getOutput() != CampaignOutput.UNKNOWN
                && campaign.getMode() != CampaignMode.UNKNOWN
                && (campaign.getLiveShare() == null || campaign.getOutput() == CampaignOutput.SHADOW);
        return CampaignState.newBuilder()
                .setCampaign(campaign)
                .setPhase(understood ? phase(campaign, false) : CampaignPhase.CANCELLED)
                .setCounted(false)
                .setWalked(false)
                .setSelected(0)
                .setStarted(0)
                .setInFlight(0)
                .setDone(0)
                .setSkipped(0)
                .setFailed(0)
                .setReasons(understood ? Map.of() : Map.of(NOT_UNDERSTOOD, 1L))
                .setChangedAt(now)
                .build();
    }

    private static CampaignPhase phase(ReprocessCampaign campaign, boolean counted) {
        if (campaign.getOrder() == CampaignOrder.CANCEL) {
            return CampaignPhase.CANCELLED;
        }
        if (campaign.getOrder() != CampaignOrder.RUN) {
            return CampaignPhase.PAUSED;
        }
        return counted || isCanary(campaign) ? CampaignPhase.RUNNING : CampaignPhase.COUNTING;
    }

    /** Whether it runs on studies that are published from now on. */
    public static boolean isCanary(ReprocessCampaign campaign) {
        return campaign.getLiveShare() != null;
    }

    /** Whether nothing will ever happen any more. */
    public static boolean isOver(CampaignState state) {
        return state.getPhase() == CampaignPhase.DONE || state.getPhase() == CampaignPhase.CANCELLED;
    }

    /** Whether its owner wants it to advance. */
    public static boolean isWanted(CampaignState state) {
        return !isOver(state) && state.getPhase() != CampaignPhase.PAUSED;
    }

    /** It waits. */
    public static CampaignState waits(CampaignState state, Waiting what, Instant now) {
        if (what.name().equals(state.getWaitingFor())) {
            return state;
        }
        return CampaignState.newBuilder(state)
                .setPhase(CampaignPhase.WAITING)
                .setWaitingFor(what.name())
                .setRunningSince(runningSince(state, now))
                .setChangedAt(now)
                .build();
    }

    /** It waits for nothing any more. */
    public static CampaignState goesOn(CampaignState state, Instant now) {
        if (state.getPhase() != CampaignPhase.WAITING) {
            return state;
        }
        return CampaignState.newBuilder(state)
                .setPhase(phase(state.getCampaign(), state.getCounted()))
                .setWaitingFor(null)
                .setRunningSince(runningSince(state, now))
                .setChangedAt(now)
                .build();
    }

    /** It looked at studies, up to the cursor, and so many of them fit. */
    public static CampaignState counted(CampaignState state, String cursor, long fitting, Instant now) {
        return CampaignState.newBuilder(state)
                .setCursor(cursor)
                .setSelected(state.getSelected() + fitting)
                .setChangedAt(now)
                .build();
    }

    /** All studies are counted. */
    public static CampaignState countedAll(CampaignState state, Instant now) {
        boolean done = state.getCampaign().getOutput() == CampaignOutput.COUNT;
        return CampaignState.newBuilder(state)
                .setCounted(true)
                .setCursor(null)
                .setPhase(done ? CampaignPhase.DONE : CampaignPhase.RUNNING)
                .setChangedAt(now)
                .build();
    }

    /** It looked at a study that does not fit. */
    public static CampaignState passed(CampaignState state, String cursor) {
        return CampaignState.newBuilder(state).setCursor(cursor).build();
    }

    /** There is no study left to look at. */
    public static CampaignState walkedAll(CampaignState state, Instant now) {
        return doneIfEmpty(CampaignState.newBuilder(state)
                .setWalked(true)
                .setChangedAt(now)
                .build());
    }

    /** A study is started. */
    public static CampaignState started(CampaignState state, Instant now) {
        return CampaignState.newBuilder(state)
                .setStarted(state.getStarted() + 1)
                .setInFlight(state.getInFlight() + 1)
                .setNextStart(pause(state.getCampaign())
                        .map(pause -> later(state, now).plus(pause))
                        .orElse(null))
                .setRunningSince(state.getRunningSince() == null ? now : state.getRunningSince())
                .setChangedAt(now)
                .build();
    }

    /** Time between two starts in one of the partitions; empty without a rate. */
    private static Optional<Duration> pause(ReprocessCampaign campaign) {
        return Optional.ofNullable(campaign.getRatePerMinute())
                .filter(rate -> rate > 0)
                .map(rate -> Duration.ofMillis(
                        (long) Math.min(60_000.0 * Math.max(1, campaign.getPartitions()) / rate, 86_400_000)));
    }

    private static Instant later(CampaignState state, Instant now) {
        // What could not be started while there was no room is not made up for in a burst.
        return state.getNextStart() == null || state.getNextStart().isBefore(now) ? now : state.getNextStart();
    }

    /** Whether another study may be started, but for the rate. */
    public static boolean hasRoom(CampaignState state) {
        ReprocessCampaign campaign = state.getCampaign();
        int partitions = Math.max(1, campaign.getPartitions());
        int share = (campaign.getConcurrency() + partitions - 1) / partitions;
        return state.getInFlight() < Math.min(Math.max(1, share), MOST_AT_A_TIME);
    }

    /** When the rate lets the next study start. */
    public static Instant nextStart(CampaignState state) {
        return Optional.ofNullable(state.getNextStart()).orElse(Instant.EPOCH);
    }

    /** A study that fits is not run. */
    public static CampaignState skipped(CampaignState state, String reason, Instant now) {
        return CampaignState.newBuilder(state)
                .setSkipped(state.getSkipped() + 1)
                .setReasons(more(state, reason))
                .setChangedAt(now)
                .build();
    }

    /** A study that was started has a result. */
    public static CampaignState done(CampaignState state, Instant now) {
        return ended(CampaignState.newBuilder(state).setDone(state.getDone() + 1), state, now);
    }

    /** A study that was started has a result that nobody wants any more. */
    public static CampaignState overtaken(CampaignState state, String reason, Instant now) {
        return ended(
                CampaignState.newBuilder(state)
                        .setSkipped(state.getSkipped() + 1)
                        .setReasons(more(state, reason)),
                state,
                now);
    }

    /** A study that was started could not be run. */
    public static CampaignState failed(CampaignState state, String reason, Instant now) {
        return ended(
                CampaignState.newBuilder(state).setFailed(state.getFailed() + 1).setReasons(more(state, reason)),
                state,
                now);
    }

    private static CampaignState ended(CampaignState.Builder next, CampaignState state, Instant now) {
        return doneIfEmpty(
                next.setInFlight(state.getInFlight() - 1).setChangedAt(now).build());
    }

    private static CampaignState doneIfEmpty(CampaignState state) {
        boolean done = state.getWalked() && state.getInFlight() == 0 && !isOver(state);
        return done
                ? CampaignState.newBuilder(state)
                        .setPhase(CampaignPhase.DONE)
                        .setWaitingFor(null)
                        .build()
                : state;
    }

    private static Map<String, Long> more(CampaignState state, String reason) {
        Map<String, Long> reasons = new TreeMap<>(state.getReasons());
        reasons.merge(reason, 1L, Long::sum);
        return reasons;
    }

    /** What it was at work on is given up, because it was cancelled. */
    public static CampaignState emptied(CampaignState state) {
        return CampaignState.newBuilder(state).setInFlight(0).build();
    }

    /** Whether a canary takes a study: the same answer for the same study, and as many as its share says. */
    public static boolean samples(ReprocessCampaign campaign, String studyId) {
        byte[] seed = (campaign.getCampaignId() + "\n" + studyId).getBytes(StandardCharsets.UTF_8);
        long bits = UUID.nameUUIDFromBytes(seed).getMostSignificantBits() >>> 32;
        return bits < campaign.getLiveShare() * 0x1p32;
    }

    /** What is told of it. */
    public static ReprocessProgress progress(CampaignState state, int partition) {
        long ended = state.getDone() + state.getFailed();
        Double perMinute = null;
        Long remaining = null;
        if (state.getRunningSince() != null && ended > 0) {
            long millis = Math.max(
                    1,
                    state.getChangedAt().toEpochMilli()
                            - state.getRunningSince().toEpochMilli());
            perMinute = ended * 60_000.0 / millis;
            long left = Math.max(0, state.getSelected() - ended - state.getSkipped());
            remaining = isCanary(state.getCampaign()) ? null : (long) Math.ceil(left * 60 / perMinute);
        }
        return ReprocessProgress.newBuilder()
                .setCampaignId(state.getCampaign().getCampaignId())
                .setPartition(partition)
                .setCampaign(state.getCampaign())
                .setPhase(state.getPhase())
                .setWaitingFor(state.getWaitingFor())
                .setSelected(state.getSelected())
                .setStarted(state.getStarted())
                .setDone(state.getDone())
                .setSkipped(state.getSkipped())
                .setFailed(state.getFailed())
                .setReasons(state.getReasons())
                .setPerMinute(perMinute)
                .setRemainingSeconds(isOver(state) ? Long.valueOf(0) : remaining)
                .setChangedAt(state.getChangedAt())
                .build();
    }
}
