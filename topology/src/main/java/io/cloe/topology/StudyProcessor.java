package io.cloe.topology;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyState;
import io.cloe.schemas.StudyTimer;
import io.cloe.schemas.TaskClaim;
import io.cloe.schemas.TimerKind;
import io.cloe.topology.ChangedStudies.ChangedStudy;
import io.cloe.topology.study.Counted;
import io.cloe.topology.study.Difference;
import io.cloe.topology.study.ScanEventCheck;
import io.cloe.topology.study.Study;
import io.cloe.topology.study.StudyCodec;
import io.cloe.topology.study.StudyDecisions;
import io.cloe.topology.study.StudyInput;
import io.cloe.topology.study.StudyInput.CommandGiven;
import io.cloe.topology.study.StudyInput.JobEnded;
import io.cloe.topology.study.StudyInput.Reprocessed;
import io.cloe.topology.study.StudyInput.ScanArrived;
import io.cloe.topology.study.StudyInput.TimerDue;
import io.cloe.topology.study.StudyRules;
import io.cloe.topology.study.Transition;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.TimestampedKeyValueStore;
import org.apache.kafka.streams.state.ValueAndTimestamp;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads a study, lets {@link StudyDecisions} decide, publishes, and notes what changed for {@link StudyWriter}. Everything that a
 * decision causes is written in the transaction of the record that caused it.
 *
 * <p>Kafka Streams may initialise one instance several times (after a corruption), so no field outlives {@link #close}.
 */
final class StudyProcessor implements Processor<String, SpecificRecord, String, SpecificRecord> {

    private static final Logger LOG = LoggerFactory.getLogger(StudyProcessor.class);
    private static final Pattern HARMLESS_NAME = Pattern.compile("[A-Za-z0-9_+-]{1,32}");

    private static final String TRACEPARENT = "traceparent";

    /** W3C's has 55 characters; what is longer is none, and is not stored with the study. */
    private static final int LONGEST_TRACEPARENT = 128;

    /**
     * Changed studies that are not written yet. Of a backlog, all scans of a study should come while it is among them, so that it is
     * written once; what is beyond that makes the garbage collector copy more, and leaves more to be sent when a commit waits for it.
     */
    private static final int MOST_CHANGED = 2_000;

    private final StudyDecisions decisions;
    private final InferenceExecutor executor;
    private final KeyPlacement placement;
    private final Set<String> warnedOf;

    private ProcessorContext<String, SpecificRecord> context;
    private KeyValueStore<String, StudyState> studies;
    private ChangedStudies changed;
    private StudyStores stores;
    private TimestampedKeyValueStore<String, String> beforeCommit;
    private DueTimers timers;
    private TaskCounters counters;
    private CampaignTask campaigns;
    private InferenceExecutor.Lease lease;
    private boolean consumed;
    private Instant latest;

    /** @param warnedOf topics that were warned of, shared by all tasks of a process; safe for several threads */
    StudyProcessor(StudyDecisions decisions, InferenceExecutor executor, KeyPlacement placement, Set<String> warnedOf) {
        this.decisions = decisions;
        this.executor = executor;
        this.placement = placement;
        this.warnedOf = warnedOf;
    }

    @Override
    public void init(ProcessorContext<String, SpecificRecord> processorContext) {
        context = processorContext;
        studies = context.getStateStore(StudyTopology.StoreNames.STUDIES);
        changed = context.getStateStore(StudyTopology.StoreNames.CHANGED);
        stores = new StudyStores(context, decisions);
        beforeCommit = context.getStateStore(StudyTopology.StoreNames.BEFORE_COMMIT);
        KeyValueStore<TimerKey, TimerKind> timerStore = context.getStateStore(StudyTopology.StoreNames.TIMERS);
        timers = new DueTimers(context, timerStore, (studyId, timer) -> decide(studyId, new TimerDue(timer)));
        counters = new TaskCounters(context);
        consumed = false;
        latest = Instant.EPOCH;
        lease = executor.open(context.taskId().partition());
        KeyValueStore<String, String> pending = context.getStateStore(StudyTopology.StoreNames.PENDING);
        try (KeyValueIterator<String, String> unfinished = pending.all()) {
            unfinished.forEachRemaining(
                    entry -> load(entry.key).flatMap(Study::runningJob).ifPresent(lease::submit));
        }
        campaigns = new CampaignTask(context, new StudiesOfTask(), executor, lease);
    }

    @Override
    public void process(Record<String, SpecificRecord> record) {
        if (!consumed) {
            consumed = true;
            timers.enable();
            campaigns.enable();
        }
        SpecificRecord value = record.value();
        if (value instanceof ScanEvent event) {
            scan(record.key(), event, record.headers());
        } else if (value instanceof StudyCommand command) {
            command(record.key(), command);
        } else if (value instanceof InferenceResult result) {
            result(result);
        } else if (value instanceof ReprocessCampaign campaign) {
            campaigns.order(campaign);
        } else {
            counters.count(Counted.EMPTY_RECORD);
        }
        timers.aim();
    }

    private void scan(String key, ScanEvent event, Headers headers) {
        Optional<FailureReason> problem = ScanEventCheck.problem(key, event);
        if (problem.isEmpty()) {
            checkPlace(key);
            Optional<Study> study = load(key);
            problem = decisions.refusal(study, event);
            if (problem.isEmpty()) {
                decide(key, study, new ScanArrived(event, traceparent(headers)));
                return;
            }
        }
        refuse(key, event, problem.get());
    }

    private void command(String key, StudyCommand command) {
        if (command.getStudyId().equals(key)) {
            checkPlace(key);
            decide(key, new CommandGiven(command));
        } else {
            counters.count(Counted.IGNORED_COMMAND);
        }
    }

    /** Nothing can be mended here: what the key's right partition holds of the study is another task's. */
    private void checkPlace(String key) {
        if (!placement.isElsewhere(key, context.taskId().partition())) {
            return;
        }
        counters.count(Counted.MISPLACED_KEY);
        String topic = context.recordMetadata().map(RecordMetadata::topic).orElse("?");
        if (warnedOf.add(topic)) {
            LOG.warn(
                    "records of {} are not in the partition that Kafka's default partitioner gives their keys: a sender uses"
                            + " another one, and a study's records of different senders do not meet (set"
                            + " partitioner=murmur2_random in librdkafka); counted as misplaced_key, not warned of again",
                    topic);
        }
    }

    private void result(InferenceResult result) {
        if (result.getBody() instanceof TaskClaim) {
            return;
        }
        CampaignTask.Ended ended = campaigns.ended(result);
        if (ended == CampaignTask.Ended.NONE) {
            decide(result.getStudyId(), new JobEnded(result));
        }
        // Consumers should see a live result now, not at the next commit interval. A campaign's results wait for that
        // interval, because a commit holds up what comes behind it; all but the last, which somebody may wait for.
        if (ended != CampaignTask.Ended.ONE_OF_SEVERAL) {
            context.commit();
        }
    }

    /** The task's studies, for its campaigns. */
    private final class StudiesOfTask implements CampaignTask.Studies {

        @Override
        public Optional<Study> load(String studyId) {
            return StudyProcessor.this.load(studyId);
        }

        @Override
        public boolean publish(String studyId, Reprocessed reprocessed) {
            return decide(studyId, load(studyId), reprocessed).publication().isPresent();
        }

        @Override
        public StudyRules.Retry retry(String studyId) {
            return decisions.retry(load(studyId));
        }
    }

    private void decide(String studyId, StudyInput input) {
        decide(studyId, load(studyId), input);
    }

    private Optional<Study> load(String studyId) {
        return changed.find(studyId).map(ChangedStudy::now).orElseGet(() -> Optional.ofNullable(studies.get(studyId))
                .map(StudyCodec::fromState));
    }

    private Transition decide(String studyId, Optional<Study> study, StudyInput input) {
        Instant now = now();
        commitWhileClockIsBehind(now);
        Transition transition = decisions.apply(study, input, now);
        if (input instanceof TimerDue fired) {
            timers.drop(studyId, fired.timer());
            measureLateness(fired.timer(), now);
        }
        note(studyId, transition, now);
        publish(studyId, transition);
        if (input instanceof JobEnded && transition.publication().isPresent()) {
            transition.after().ifPresent(campaigns::published);
        }
        return transition;
    }

    private void measureLateness(StudyTimer timer, Instant now) {
        if (timer.getKind() == TimerKind.DEADLINE) {
            counters.deadlineFired(
                    Math.max(0, now.toEpochMilli() - timer.getDue().toEpochMilli()));
        }
    }

    /**
     * Kafka Streams measures its commit interval by the wall clock. After that was set back it would not commit until the clock
     * has caught up, and the broker would abort the transaction long before.
     */
    private void commitWhileClockIsBehind(Instant now) {
        if (now.isBefore(latest)) {
            context.commit();
        } else {
            latest = now;
        }
    }

    private void note(String studyId, Transition transition, Instant now) {
        Difference difference = transition.difference();
        if (difference.changesStudy()) {
            boolean first = changed.isEmpty();
            changed.note(studyId, transition, now);
            if (first) {
                // After it was noted: without a cache this calls the writer at once.
                beforeCommit.put("", ValueAndTimestamp.make("", now.toEpochMilli()));
            } else if (changed.size() > MOST_CHANGED) {
                changed.takeFirst(stores::write);
            }
        }
        difference.timerToDrop().ifPresent(timer -> timers.drop(studyId, timer));
        difference.timerToArm().ifPresent(timer -> timers.put(studyId, timer));
        difference.jobToDrop().ifPresent(job -> lease.cancel(job.getJobId()));
        difference.jobToQueue().ifPresent(lease::submit);
        transition.counted().forEach(counters::count);
    }

    private void publish(String studyId, Transition transition) {
        transition.publication().ifPresent(publication -> {
            Headers headers = traceHeaders(publication.segmentation().getTraceparent());
            forward(studyId, publication.segmentation(), headers, StudyTopology.Nodes.SEGMENTATIONS);
            forward(studyId, publication.gatingWeights(), headers, StudyTopology.Nodes.GATING_WEIGHTS);
        });
        transition.failures().forEach(failure -> forward(studyId, failure, StudyTopology.Nodes.STUDY_FAILURES));
    }

    private void refuse(String key, ScanEvent event, FailureReason reason) {
        Optional<RecordMetadata> source = context.recordMetadata();
        counters.count(Counted.REFUSED_EVENT);
        StudyFailure failure = StudyFailure.newBuilder()
                .setStudyId(ScanEventCheck.shown(event.getStudyId()))
                .setReason(reason)
                .setModality(HARMLESS_NAME.matcher(event.getModality()).matches() ? event.getModality() : null)
                .setEventId(ScanEventCheck.shown(event.getEventId()))
                .setRetriable(false)
                .setSourceTopic(source.map(RecordMetadata::topic).orElse(null))
                .setSourcePartition(source.map(RecordMetadata::partition).orElse(null))
                .setSourceOffset(source.map(RecordMetadata::offset).orElse(null))
                .setFailedAt(now())
                .build();
        forward(ScanEventCheck.shown(key), failure, StudyTopology.Nodes.STUDY_FAILURES);
    }

    private void forward(String key, SpecificRecord value, String sink) {
        forward(key, value, new RecordHeaders(), sink);
    }

    private void forward(String key, SpecificRecord value, Headers headers, String sink) {
        context.forward(new Record<>(key, value, context.currentSystemTimeMs(), headers), sink);
    }

    /** A result goes on in the trace of the event that caused it. */
    private static Headers traceHeaders(String traceparent) {
        Headers headers = new RecordHeaders();
        if (traceparent != null) {
            headers.add(TRACEPARENT, traceparent.getBytes(StandardCharsets.US_ASCII));
        }
        return headers;
    }

    private static String traceparent(Headers headers) {
        Header header = headers.lastHeader(TRACEPARENT);
        if (header == null || header.value() == null || header.value().length > LONGEST_TRACEPARENT) {
            return null;
        }
        return new String(header.value(), StandardCharsets.US_ASCII);
    }

    private Instant now() {
        return Instant.ofEpochMilli(context.currentSystemTimeMs());
    }

    @Override
    public void close() {
        if (lease != null) {
            lease.close();
            lease = null;
        }
        if (campaigns != null) {
            campaigns.cancel();
            campaigns = null;
        }
        if (timers != null) {
            timers.cancel();
            timers = null;
        }
        if (counters != null) {
            counters.close();
            counters = null;
        }
    }
}
