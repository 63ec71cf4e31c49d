package io.cloe.worker.execution;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.InferenceFault;
import io.cloe.schemas.InferenceFaults;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.VolumeReference;
import io.cloe.topology.InferenceExecutor.Lease;
import io.cloe.worker.bundle.BundleFixture;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.inference.DeviceChoice;
import io.cloe.worker.inference.EngineException;
import io.cloe.worker.inference.EngineSettings;
import io.cloe.worker.inference.InferenceEngine;
import io.cloe.worker.inference.StudyEngine;
import io.cloe.worker.masks.FileMaskStore;
import io.cloe.worker.masks.MaskStore;
import io.cloe.worker.masks.MaskStoreException;
import io.cloe.worker.volume.FileVolumeSource;
import io.cloe.worker.volume.NiftiReader;
import io.cloe.worker.volume.VolumeSource;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.awaitility.Awaitility;

/** An executor on the tiny bundle with real files; each part may be wrapped before it starts. */
final class ExecutorScenario implements AutoCloseable {

    static final Instant NOW = Instant.parse("2026-02-01T12:00:00Z");
    static final int PARTITION = 3;
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /** A result as it was sent, with the partition, and whether its mask was there by then. */
    record Sent(int partition, InferenceResult result, boolean maskThere) {}

    final Path input;
    final Path masks;
    final ModelBundle bundle = BundleFixture.openTiny();
    final BlockingQueue<Sent> sent = new LinkedBlockingQueue<>();
    final BlockingQueue<Integer> claims = new LinkedBlockingQueue<>();
    final CountDownLatch noDeviceAnswers = new CountDownLatch(1);
    final PipelinedExecutor executor;
    private final List<InferenceEngine> opened = new ArrayList<>();
    final Lease lease;

    /** What a test changes. */
    static final class Setup {
        private final Path folder;
        private int decodeThreads = 1;
        private int cacheEntries;
        private int inlineMaxBytes;
        private UnaryOperator<VolumeSource> volumes = UnaryOperator.identity();
        private UnaryOperator<MaskStore> masks = UnaryOperator.identity();
        private UnaryOperator<ResultSender> sender = UnaryOperator.identity();
        private List<UnaryOperator<StudyEngine>> engines = List.of(UnaryOperator.identity());
        private UnaryOperator<ExecutorSettings> settings = UnaryOperator.identity();
        private Function<InferenceJob, Optional<String>> modelOf = job -> Optional.empty();

        private Setup(Path folder) {
            this.folder = folder;
        }

        Setup decodeThreads(int threads) {
            decodeThreads = threads;
            return this;
        }

        Setup cacheEntries(int entries) {
            cacheEntries = entries;
            return this;
        }

        Setup inlineMaxBytes(int bytes) {
            inlineMaxBytes = bytes;
            return this;
        }

        Setup volumes(UnaryOperator<VolumeSource> around) {
            volumes = around;
            return this;
        }

        Setup masks(UnaryOperator<MaskStore> around) {
            masks = around;
            return this;
        }

        Setup sender(UnaryOperator<ResultSender> around) {
            sender = around;
            return this;
        }

        /** A device for each, with something around its engine. */
        Setup engines(List<UnaryOperator<StudyEngine>> around) {
            engines = around;
            return this;
        }

        Setup settings(UnaryOperator<ExecutorSettings> change) {
            settings = change;
            return this;
        }

        Setup modelOf(Function<InferenceJob, Optional<String>> named) {
            modelOf = named;
            return this;
        }

        ExecutorScenario start() {
            try {
                return new ExecutorScenario(this);
            } catch (IOException | EngineException | MaskStoreException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    static Setup in(Path folder) {
        return new Setup(folder);
    }

    private ExecutorScenario(Setup setup) throws IOException, EngineException, MaskStoreException {
        input = Files.createDirectories(setup.folder.resolve("input"));
        masks = setup.folder.resolve("masks");
        List<StudyEngine> engines = new ArrayList<>();
        for (UnaryOperator<StudyEngine> around : setup.engines) {
            InferenceEngine engine = open(bundle);
            opened.add(engine);
            engines.add(around.apply(engine));
        }
        executor = new PipelinedExecutor(
                List.of(new ModelEngines(bundle, engines)),
                setup.modelOf,
                setup.volumes.apply(new FileVolumeSource(List.of(input), new NiftiReader(1 << 20))),
                setup.masks.apply(FileMaskStore.open(masks)),
                setup.sender.apply(new Recorder()),
                setup.settings.apply(ExecutorSettings.defaults()
                        .withDecodeThreads(setup.decodeThreads)
                        .withMaxVoxels(1 << 20)
                        .withMaskInlineMaxBytes(setup.inlineMaxBytes)
                        .withResultCache(ResultCacheSettings.inMemory(setup.cacheEntries))),
                noDeviceAnswers::countDown,
                Clock.fixed(NOW, ZoneOffset.UTC),
                new SecureRandom());
        lease = executor.open(PARTITION);
    }

    /** An engine on one thread of the CPU. */
    static InferenceEngine open(ModelBundle bundle) throws EngineException {
        return InferenceEngine.open(
                bundle,
                EngineSettings.defaults().withDevice(new DeviceChoice.Cpu()).withThreads(1));
    }

    private final class Recorder implements ResultSender {

        @Override
        public void send(int partition, InferenceResult result) {
            boolean maskThere = result.getBody() instanceof InferenceOutcome outcome
                    && Files.isRegularFile(pathOf(outcome.getMask().getUri()));
            sent.add(new Sent(partition, result, maskThere));
        }

        @Override
        public void claim(int partition) {
            claims.add(partition);
        }
    }

    Lease openLease() {
        return executor.open(PARTITION);
    }

    /** A good volume of the study's own. */
    VolumeReference volume(String study, String modality) {
        int seed = (study + modality).hashCode();
        return Phantom.reference(Phantom.write(
                input.resolve(study).resolve(modality + ".nii.gz"),
                Phantom.noise(seed).gzip()));
    }

    /** A job that nothing is wrong with. */
    InferenceJob.Builder goodJob(String study) {
        return Jobs.of(study, Map.of("T1", volume(study, "T1")));
    }

    /** Waits until the executor is so. */
    void await(String what, Predicate<ExecutorSnapshot> state) {
        Awaitility.await(what)
                .atMost(PATIENCE)
                .pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(1))
                .until(executor::snapshot, state);
    }

    Sent next() throws InterruptedException {
        Sent next = sent.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        assertThat(next).as("a result within %s", PATIENCE).isNotNull();
        return next;
    }

    String nextStudy() throws InterruptedException {
        return next().result().getStudyId();
    }

    InferenceResult run(InferenceJob job) throws InterruptedException {
        lease.submit(job);
        InferenceResult result = next().result();
        assertThat(result.getJobId()).isEqualTo(job.getJobId());
        return result;
    }

    InferenceOutcome outcomeOf(InferenceJob job) throws InterruptedException {
        Object body = run(job).getBody();
        assertThat(body).isInstanceOf(InferenceOutcome.class);
        return (InferenceOutcome) body;
    }

    List<InferenceFault> faultsOf(InferenceJob job) throws InterruptedException {
        Object body = run(job).getBody();
        assertThat(body).isInstanceOf(InferenceFaults.class);
        assertThat(((InferenceFaults) body).getFinishedAt()).isEqualTo(NOW);
        return ((InferenceFaults) body).getFaults();
    }

    static Path pathOf(String uri) {
        return Path.of(URI.create(uri));
    }

    void closeExecutor() {
        executor.close();
    }

    @Override
    public void close() throws EngineException {
        executor.close();
        for (InferenceEngine engine : opened) {
            engine.close();
        }
    }
}
