package io.cloe.it.bench.inference;

import io.cloe.it.bench.Benchmark;
import io.cloe.it.bench.Figure;
import io.cloe.it.bench.Session;
import io.cloe.it.bench.Spread;
import io.cloe.it.tools.Repository;
import io.cloe.schemas.VolumeReference;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.inference.CancelledException;
import io.cloe.worker.inference.CropSegmentation;
import io.cloe.worker.inference.DeviceChoice;
import io.cloe.worker.inference.EngineSettings;
import io.cloe.worker.inference.InferenceControl;
import io.cloe.worker.inference.InferenceEngine;
import io.cloe.worker.submit.StudyFolder;
import io.cloe.worker.volume.FileVolumeSource;
import io.cloe.worker.volume.NiftiReader;
import io.cloe.worker.volume.NormalisedCrop;
import io.cloe.worker.volume.PreprocessorSettings;
import io.cloe.worker.volume.StudyPreprocessor;
import io.cloe.worker.volume.Volume;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import picocli.CommandLine.Option;

/** How long one study of a real one's size takes. */
public final class CaseBenchmark implements Benchmark {

    private static final double TARGET_SECONDS = 120;
    private static final int MOST_VOXELS = 64 << 20;

    @Option(names = "--bundle", description = "Folder of the model. Default: the one that comes with the repository.")
    private Path bundle = Repository.shippedBundle();

    @Option(names = "--study", description = "Folder with a study's volumes. Default: a generated one of 1 mm.")
    private Path study;

    @Option(
            names = "--whole-crop",
            negatable = true,
            defaultValue = "true",
            fallbackValue = "true",
            description = "At once where the model has a graph for that (default), or --no-whole-crop.")
    private boolean wholeCrop;

    @Option(names = "--device", description = "cpu, cuda:N or auto. Default: ${DEFAULT-VALUE}.")
    private String device = "cpu";

    @Option(names = "--rounds", description = "Times to infer. Default: ${DEFAULT-VALUE}.")
    private int rounds = 1;

    @Override
    public String name() {
        return "case";
    }

    @Override
    public String measures() {
        return "seconds from decoded volumes to labels for one study of 1 mm with all modalities";
    }

    @Override
    public Figure run(Session session) throws Exception {
        ModelBundle model = BundleReader.open(bundle);
        Map<String, Path> files = study == null
                ? BrainVolumes.write(session.folder().resolve("volumes"), new Random(session.seed()))
                : StudyFolder.below(study).get(0).volumes();
        NormalisedCrop crop = crop(model, files);
        EngineSettings settings =
                EngineSettings.defaults().withDevice(DeviceChoice.parse(device)).withWholeCrop(wholeCrop);
        double[] seconds = new double[rounds];
        try (InferenceEngine engine = InferenceEngine.open(model, settings)) {
            session.out()
                    .printf(
                            "model %s %s, window %s, overlap %s, device %s; brain box %d x %d x %d voxels, %d modalities%n",
                            model.identity().id(),
                            model.identity().version(),
                            model.window(),
                            model.overlap(),
                            engine.deviceName(),
                            crop.depth(),
                            crop.height(),
                            crop.width(),
                            crop.modalities().size());
            for (int round = 0; round < rounds; round++) {
                long start = System.nanoTime();
                CropSegmentation result = engine.infer(crop, new InferenceControl());
                seconds[round] = (System.nanoTime() - start) / 1e9;
                session.out()
                        .printf(
                                "%s, %d runs of the graph: %.1f s, of which %.1f s in ONNX Runtime%n",
                                result.tiling(), result.windows(), seconds[round], result.sessionNanos() / 1e9);
                session.out().flush();
                if (result.tiling() == CropSegmentation.Tiling.WHOLE_CROP) {
                    session.out()
                            .printf(
                                    "stopped after half of that to make way, the device was free %.2f s later%n",
                                    secondsToMakeWay(engine, crop, seconds[round] / 2));
                }
            }
        }
        return Figure.atMost(name(), Spread.of(seconds).median(), "s", TARGET_SECONDS);
    }

    /** From the call that stops a run to the hook that would run something more urgent. */
    private static double secondsToMakeWay(InferenceEngine engine, NormalisedCrop crop, double after) throws Exception {
        long[] stopped = new long[1];
        long[] free = new long[1];
        AtomicInteger calls = new AtomicInteger();
        ScheduledExecutorService other = Executors.newSingleThreadScheduledExecutor();
        InferenceControl[] control = new InferenceControl[1];
        control[0] = new InferenceControl(() -> {
            if (calls.incrementAndGet() == 1) {
                other.schedule(
                        () -> {
                            stopped[0] = System.nanoTime();
                            return control[0].makeWay();
                        },
                        (long) (after * 1e9),
                        TimeUnit.NANOSECONDS);
            } else {
                free[0] = System.nanoTime();
                control[0].cancel("measured");
            }
        });
        try {
            engine.infer(crop, control[0]);
            throw new IllegalStateException("the run ended before it was stopped");
        } catch (CancelledException e) {
            return (free[0] - stopped[0]) / 1e9;
        } finally {
            other.shutdown();
        }
    }

    private NormalisedCrop crop(ModelBundle model, Map<String, Path> files) throws Exception {
        Path root = files.values().iterator().next().toAbsolutePath().getParent();
        FileVolumeSource source = new FileVolumeSource(List.of(root), new NiftiReader(MOST_VOXELS));
        LinkedHashMap<String, Volume> volumes = new LinkedHashMap<>();
        for (String modality : model.inBundleOrder(files.keySet())) {
            String uri = files.get(modality).toAbsolutePath().toUri().toString();
            volumes.put(
                    modality,
                    source.load(new VolumeReference(uri, "nifti", null, null)).volume());
        }
        return new StudyPreprocessor(new PreprocessorSettings(
                        model.orientation(),
                        model.window().depth(),
                        model.window().height(),
                        model.window().width(),
                        model.clip(),
                        MOST_VOXELS))
                .prepare(volumes)
                .crop();
    }
}
