package io.cloe.topology;

import io.cloe.schemas.CampaignItem;
import io.cloe.schemas.CampaignOutput;
import io.cloe.schemas.CampaignPhase;
import io.cloe.schemas.CampaignState;
import io.cloe.schemas.InferenceFault;
import io.cloe.schemas.InferenceFaults;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.StudyState;
import io.cloe.topology.campaign.CampaignRun;
import io.cloe.topology.campaign.CampaignRun.Waiting;
import io.cloe.topology.campaign.Comparisons;
import io.cloe.topology.study.CampaignMatch;
import io.cloe.topology.study.Replay;
import io.cloe.topology.study.Replay.Plan;
import io.cloe.topology.study.Replay.Skipped;
import io.cloe.topology.study.Study;
import io.cloe.topology.study.StudyInput.Reprocessed;
import io.cloe.topology.study.StudyRules.Retry;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.processor.Cancellable;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * The campaigns of a task. They advance when an order or a result comes, and by a wall-clock punctuation that exists only while one of
 * them could go on and nothing else would wake it: a task without a campaign makes no transactions.
 *
 * <p>The cursor and the jobs that were made up to it are stored in one transaction, so each study is taken once, whatever crashes.
 */
final class CampaignTask {

    /** What campaigns need of the studies. */
    interface Studies {
        /** The study as it is now, stored or not. */
        Optional<Study> load(String studyId);

        /** @return whether it was published */
        boolean publish(String studyId, Reprocessed reprocessed);

        /** How often and how soon a failed job of the study is tried again. */
        Retry retry(String studyId);
    }

    /** How many studies one call looks at: each costs some 20 microseconds, and live records wait meanwhile. */
    private static final int LOOKED_AT = 500;

    private static final Duration SOON = Duration.ofMillis(10);
    private static final Duration MODEL_PATIENCE = Duration.ofSeconds(1);
    private static final Duration BETWEEN_PROGRESS = Duration.ofSeconds(1);
    private static final Duration PERIOD = Duration.ofMillis(1);
    private static final Comparator<CampaignState> OLDEST_FIRST = Comparator.comparing(
                    (CampaignState state) -> state.getCampaign().getCreatedAt())
            .thenComparing(state -> state.getCampaign().getCampaignId());

    private final ProcessorContext<String, SpecificRecord> context;
    private final KeyValueStore<String, CampaignState> stored;
    private final KeyValueStore<String, CampaignItem> storedItems;
    private final KeyValueStore<String, StudyState> states;
    private final Studies studies;
    private final InferenceExecutor executor;
    private final InferenceExecutor.Lease lease;
    private final Map<String, CampaignState> campaigns = new HashMap<>();
    private final Map<String, CampaignItem> items = new HashMap<>();
    private final Set<String> submitted = new HashSet<>();
    private final Map<String, Told> told = new HashMap<>();
    private final Set<String> toTell = new HashSet<>();
    private boolean enabled;
    private Cancellable punctuation;
    private Instant aimedAt;

    /** What was last told of a campaign. */
    private record Told(CampaignPhase phase, String waitingFor, Instant at) {}

    CampaignTask(
            ProcessorContext<String, SpecificRecord> context,
            Studies studies,
            InferenceExecutor executor,
            InferenceExecutor.Lease lease) {
        this.context = context;
        this.studies = studies;
        this.executor = executor;
        this.lease = lease;
        stored = context.getStateStore(StudyTopology.StoreNames.CAMPAIGN_CURSORS);
        storedItems = context.getStateStore(StudyTopology.StoreNames.CAMPAIGN_ITEMS);
        states = context.getStateStore(StudyTopology.StoreNames.STUDIES);
        try (KeyValueIterator<String, CampaignState> all = stored.all()) {
            all.forEachRemaining(entry -> campaigns.put(entry.key, entry.value));
        }
        try (KeyValueIterator<String, CampaignItem> all = storedItems.all()) {
            all.forEachRemaining(entry -> items.put(entry.key, entry.value));
        }
    }

    /** From now on campaigns advance. Not before the task has consumed a record: only then are its transactions fenced. */
    void enable() {
        enabled = true;
        advance();
    }

    /** Follows an order. */
    void order(ReprocessCampaign order) {
        String campaignId = order.getCampaignId();
        CampaignState state = CampaignRun.ordered(Optional.ofNullable(campaigns.get(campaignId)), order, now());
        if (state.getPhase() == CampaignPhase.CANCELLED) {
            dropItems(campaignId);
            state = CampaignRun.emptied(state);
        }
        put(state);
        tell(state, true);
        advance();
    }

    private void dropItems(String campaignId) {
        List<String> jobs = items.entrySet().stream()
                .filter(item -> item.getValue().getCampaignId().equals(campaignId))
                .map(Map.Entry::getKey)
                .toList();
        for (String job : jobs) {
            drop(job);
            lease.cancel(job);
        }
    }

    private void drop(String jobId) {
        items.remove(jobId);
        submitted.remove(jobId);
        storedItems.delete(jobId);
    }

    /** What a job was to campaigns that ended. */
    enum Ended {
        /** It was none of theirs. */
        NONE,
        /** Its campaign goes on. */
        ONE_OF_SEVERAL,
        /** Its campaign is over in this partition. */
        THE_LAST
    }

    /** A job ended. */
    Ended ended(InferenceResult result) {
        CampaignItem item = items.get(result.getJobId());
        if (item == null) {
            return Ended.NONE;
        }
        drop(result.getJobId());
        CampaignState state = campaigns.get(item.getCampaignId());
        if (state != null) {
            CampaignState next = ended(state, item, result);
            put(next);
            tell(next, CampaignRun.isOver(next));
        }
        advance();
        CampaignState after = campaigns.get(item.getCampaignId());
        return after == null || CampaignRun.isOver(after) ? Ended.THE_LAST : Ended.ONE_OF_SEVERAL;
    }

    private CampaignState ended(CampaignState state, CampaignItem item, InferenceResult result) {
        Instant now = now();
        if (result.getBody() instanceof InferenceOutcome outcome) {
            String studyId = item.getJob().getStudyId();
            boolean publishes = state.getCampaign().getOutput() == CampaignOutput.PUBLISH;
            if (publishes
                    && !studies.publish(
                            studyId,
                            new Reprocessed(
                                    item.getJob(), outcome, item.getBefore().getDecision()))) {
                return CampaignRun.overtaken(state, Skipped.OVERTAKEN.name(), now);
            }
            context.forward(
                    new Record<>(
                            studyId,
                            (SpecificRecord) Comparisons.of(item, outcome, publishes, now),
                            now.toEpochMilli()),
                    StudyTopology.Nodes.MODEL_COMPARISONS);
            return CampaignRun.done(state, now);
        }
        List<InferenceFault> faults = ((InferenceFaults) result.getBody()).getFaults();
        boolean retriable = faults.stream().allMatch(InferenceFault::getRetriable);
        int attempt = item.getJob().getAttempt();
        Retry retry = studies.retry(item.getJob().getStudyId());
        if (retriable && attempt < retry.attempts()) {
            keep(Replay.again(item, now.plus(retry.delayAfter(attempt))));
            return state;
        }
        Optional<CampaignItem> fewer = Replay.without(item, state.getCampaign().getMode(), unusable(faults));
        if (fewer.isPresent()) {
            keep(fewer.get());
            return state;
        }
        String reason = faults.stream()
                .map(fault -> fault.getReason().name())
                .findFirst()
                .orElse("UNKNOWN");
        return CampaignRun.failed(state, reason, now);
    }

    private static Set<String> unusable(List<InferenceFault> faults) {
        return faults.stream()
                .filter(fault -> fault.getModality() != null)
                .map(InferenceFault::getModality)
                .collect(Collectors.toSet());
    }

    private void keep(CampaignItem item) {
        items.put(item.getJob().getJobId(), item);
        storedItems.put(item.getJob().getJobId(), item);
    }

    /** Offers a study that was published just now to the canaries. */
    void published(Study study) {
        for (CampaignState state : List.copyOf(campaigns.values())) {
            ReprocessCampaign campaign = state.getCampaign();
            boolean takes = CampaignRun.isCanary(campaign)
                    && CampaignRun.isWanted(state)
                    && CampaignRun.samples(campaign, study.id())
                    && CampaignMatch.selects(campaign, study)
                    // Once its model is live there is nothing to compare.
                    && !CampaignMatch.isMadeBy(campaign.getModel(), study);
            if (takes) {
                CampaignState counted = CampaignRun.counted(state, null, 1, now());
                put(
                        CampaignRun.hasRoom(counted)
                                ? run(counted, study)
                                : CampaignRun.skipped(counted, Skipped.TOO_MANY_AT_A_TIME.name(), now()));
                tell(campaigns.get(campaign.getCampaignId()), false);
            }
        }
        advance();
    }

    // ---- advancing
    // ---------------------------------------------------------------------------------------------------

    private void advance() {
        if (!enabled || campaigns.isEmpty()) {
            return;
        }
        Instant now = now();
        Instant wake = null;
        List<CampaignState> inOrder = new ArrayList<>(campaigns.values());
        inOrder.sort(OLDEST_FIRST);
        Set<String> busyFamilies = new HashSet<>();
        for (CampaignState state : inOrder) {
            if (CampaignRun.isWanted(state)) {
                wake = earlier(wake, advance(state, busyFamilies, now));
            }
        }
        aim(earlier(wake, tellTheRest(now)));
    }

    /** Tells what was held back because something was told just before. */
    private Instant tellTheRest(Instant now) {
        Instant wake = null;
        for (String campaignId : List.copyOf(toTell)) {
            Instant next = told.get(campaignId).at().plus(BETWEEN_PROGRESS);
            if (next.isAfter(now)) {
                wake = earlier(wake, next);
            } else {
                tell(campaigns.get(campaignId), true);
            }
        }
        return wake;
    }

    /** @return when it could go on without being woken by anything else; null if it cannot */
    private Instant advance(CampaignState former, Set<String> busyFamilies, Instant now) {
        ReprocessCampaign campaign = former.getCampaign();
        boolean canary = CampaignRun.isCanary(campaign);
        boolean counts = campaign.getOutput() == CampaignOutput.COUNT;
        if (!canary && !counts && !busyFamilies.add(campaign.getModel().getFamily())) {
            settle(former, CampaignRun.waits(former, Waiting.ANOTHER_CAMPAIGN, now));
            return null;
        }
        if (!counts && !executor.serves(campaign.getModel())) {
            settle(former, CampaignRun.waits(former, Waiting.MODEL_NOT_HERE, now));
            return now.plus(MODEL_PATIENCE);
        }
        CampaignState state = CampaignRun.goesOn(former, now);
        Instant wake = submitItems(campaign.getCampaignId(), now);
        if (!canary) {
            state = state.getCounted() ? walk(state, now) : count(state, now);
            wake = earlier(wake, wakeOf(state, now));
        }
        settle(former, state);
        return wake;
    }

    private static Instant wakeOf(CampaignState state, Instant now) {
        boolean goesOn = !CampaignRun.isOver(state) && !state.getWalked() && CampaignRun.hasRoom(state);
        if (!goesOn) {
            return null;
        }
        Instant byRate = CampaignRun.nextStart(state);
        return state.getCounted() && byRate.isAfter(now) ? byRate : now.plus(SOON);
    }

    private void settle(CampaignState former, CampaignState state) {
        if (!state.equals(former)) {
            put(state);
            tell(state, false);
        }
    }

    /** Hands over what is stored and not with the executor: after an assignment, or when a retry is due. */
    private Instant submitItems(String campaignId, Instant now) {
        Instant wake = null;
        for (CampaignItem item : items.values()) {
            if (!item.getCampaignId().equals(campaignId)
                    || submitted.contains(item.getJob().getJobId())) {
                continue;
            }
            if (item.getNotBefore() != null && item.getNotBefore().isAfter(now)) {
                wake = earlier(wake, item.getNotBefore());
            } else {
                submit(item);
            }
        }
        return wake;
    }

    private void submit(CampaignItem item) {
        submitted.add(item.getJob().getJobId());
        lease.submit(item.getJob());
    }

    private CampaignState count(CampaignState state, Instant now) {
        String cursor = state.getCursor();
        long fitting = 0;
        try (KeyValueIterator<String, StudyState> rest = states.range(cursor, null)) {
            for (int left = LOOKED_AT; left > 0; left--) {
                Optional<String> next = next(rest, cursor);
                if (next.isEmpty()) {
                    return CampaignRun.countedAll(CampaignRun.counted(state, cursor, fitting, now), now);
                }
                cursor = next.get();
                fitting += fits(state, cursor).isPresent() ? 1 : 0;
            }
        }
        return CampaignRun.counted(state, cursor, fitting, now);
    }

    private CampaignState walk(CampaignState from, Instant now) {
        CampaignState state = from;
        if (state.getWalked()) {
            return state;
        }
        try (KeyValueIterator<String, StudyState> rest = states.range(state.getCursor(), null)) {
            for (int left = LOOKED_AT; left > 0; left--) {
                if (!CampaignRun.hasRoom(state) || CampaignRun.nextStart(state).isAfter(now)) {
                    return state;
                }
                Optional<String> next = next(rest, state.getCursor());
                if (next.isEmpty()) {
                    return CampaignRun.walkedAll(state, now);
                }
                state = CampaignRun.passed(state, next.get());
                Optional<Study> fitting = fits(state, next.get());
                if (fitting.isPresent()) {
                    state = run(state, fitting.get());
                }
            }
        }
        return state;
    }

    private static Optional<String> next(KeyValueIterator<String, StudyState> rest, String after) {
        while (rest.hasNext()) {
            String key = rest.next().key;
            if (!key.equals(after)) {
                return Optional.of(key);
            }
        }
        return Optional.empty();
    }

    private Optional<Study> fits(CampaignState state, String studyId) {
        return studies.load(studyId).filter(study -> CampaignMatch.selects(state.getCampaign(), study));
    }

    private CampaignState run(CampaignState state, Study study) {
        Instant now = now();
        Plan plan = Replay.plan(state.getCampaign(), study, now);
        if (plan.skipped().isPresent()) {
            return CampaignRun.skipped(state, plan.skipped().get().name(), now);
        }
        CampaignItem item = plan.item().orElseThrow();
        keep(item);
        if (executor.serves(state.getCampaign().getModel())) {
            submit(item);
        }
        return CampaignRun.started(state, now);
    }

    private void put(CampaignState state) {
        String campaignId = state.getCampaign().getCampaignId();
        campaigns.put(campaignId, state);
        stored.put(campaignId, state);
    }

    /** Tells how far a campaign is: whenever it takes another turn, and once in a while. */
    private void tell(CampaignState state, boolean atOnce) {
        String campaignId = state.getCampaign().getCampaignId();
        Told last = told.get(campaignId);
        boolean due = atOnce
                || last == null
                || last.phase() != state.getPhase()
                || !Objects.equals(last.waitingFor(), state.getWaitingFor())
                || !now().isBefore(last.at().plus(BETWEEN_PROGRESS));
        if (!due) {
            toTell.add(campaignId);
        } else {
            toTell.remove(campaignId);
            told.put(campaignId, new Told(state.getPhase(), state.getWaitingFor(), now()));
            int partition = context.taskId().partition();
            context.forward(
                    new Record<>(
                            campaignId + "/" + partition,
                            (SpecificRecord) CampaignRun.progress(state, partition),
                            context.currentSystemTimeMs()),
                    StudyTopology.Nodes.REPROCESS_PROGRESS);
        }
    }

    // ---- waking
    // ------------------------------------------------------------------------------------------------------

    private void aim(Instant wake) {
        if (wake == null) {
            cancel();
            return;
        }
        if (punctuation == null || wake.isBefore(aimedAt)) {
            cancel();
            aimedAt = wake;
            punctuation = context.schedule(wake, PERIOD, PunctuationType.WALL_CLOCK_TIME, at -> {
                cancel();
                advance();
            });
        }
    }

    void cancel() {
        if (punctuation != null) {
            punctuation.cancel();
            punctuation = null;
            aimedAt = null;
        }
    }

    private static Instant earlier(Instant one, Instant other) {
        if (one == null || other == null) {
            return one == null ? other : one;
        }
        return one.isBefore(other) ? one : other;
    }

    private Instant now() {
        return Instant.ofEpochMilli(context.currentSystemTimeMs());
    }
}
