package io.cloe.it.bench.inference;

import io.cloe.it.bench.Benchmark;
import io.cloe.it.bench.Figure;
import io.cloe.it.bench.Session;
import io.cloe.it.bench.Spread;
import io.cloe.it.tools.Repository;
import io.cloe.schemas.VolumeReference;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.inference.CropSegmentation;
import io.cloe.worker.inference.DeviceChoice;
import io.cloe.worker.inference.EngineSettings;
import io.cloe.worker.inference.InferenceControl;
import io.cloe.worker.inference.InferenceEngine;
import io.cloe.worker.volume.FileVolumeSource;
import io.cloe.worker.volume.NiftiReader;
import io.cloe.worker.volume.NormalisedCrop;
import io.cloe.worker.volume.PreprocessorSettings;
import io.cloe.worker.volume.StudyPreprocessor;
import io.cloe.worker.volume.Volume;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Option;

/** What the whole way through the worker costs beside the network itself. */
public final class EndToEndBenchmark implements Benchmark {

    private static final double TARGET = 0.95;
    private static final List<String> WORKED = List.of("decode", "infer", "measure", "write");
    private static final int MOST_VOXELS = 64 << 20;

    @Option(names = "--studies", description = "Studies per round. Default: ${DEFAULT-VALUE}.")
    private int studies = 6;

    @Option(names = "--rounds", description = "Rounds that count. Default: ${DEFAULT-VALUE}.")
    private int rounds = 3;

    @Override
    public String name() {
        return "end-to-end";
    }

    @Override
    public String measures() {
        return "studies per second of the whole worker, against the time inside ONNX Runtime for volumes in memory";
    }

    @Override
    public Figure run(Session session) throws Exception {
        ModelBundle bundle = BundleReader.open(Repository.shippedBundle());
        List<Map<String, Path>> mix = StudyMix.studies(studies);
        List<NormalisedCrop> crops = new ArrayList<>();
        for (Map<String, Path> study : mix) {
            crops.add(decode(bundle, study));
        }
        List<Double> ratios = new ArrayList<>();
        Map<String, Long> stages = new TreeMap<>();
        try (InferenceEngine engine =
                        InferenceEngine.open(bundle, EngineSettings.defaults().withDevice(new DeviceChoice.Cpu()));
                BenchWorker worker = BenchWorker.start(
                        session, "worker", Repository.shippedBundle(), Repository.phantoms(), 1, Map.of())) {
            session.out()
                    .printf(
                            "%d studies per round, one to four modalities, %d windows in all%nseconds per round%n",
                            studies, windows(engine, crops));
            session.out().printf("%-8s %12s %12s %10s %8s%n", "round", "ONNX Runtime", "engine", "worker", "ratio");
            workerSeconds(worker, "warm-up", mix.subList(0, 1), new TreeMap<>());
            for (int round = 1; round <= rounds; round++) {
                long start = System.nanoTime();
                double bare = 0;
                for (NormalisedCrop crop : crops) {
                    bare += engine.infer(crop, new InferenceControl()).sessionNanos() / 1e9;
                }
                double whole = (System.nanoTime() - start) / 1e9;
                double took = workerSeconds(worker, "round-" + round, mix, stages);
                ratios.add(bare / took);
                session.out().printf("%-8d %12.2f %12.2f %10.2f %8.3f%n", round, bare, whole, took, bare / took);
                session.out().flush();
            }
        }
        Spread spread =
                Spread.of(ratios.stream().mapToDouble(Double::doubleValue).toArray());
        session.out().println("ratio: " + spread);
        print(session, stages);
        return Figure.atLeast(name(), spread.median(), "x", TARGET);
    }

    /** Where the worker's time goes, without waiting for a place in line. Stages of different studies overlap. */
    private void print(Session session, Map<String, Long> stages) {
        long all = WORKED.stream()
                .mapToLong(stage -> stages.getOrDefault(stage, 0L))
                .sum();
        session.out().printf("%-8s %14s %8s%n", "stage", "ms per study", "share");
        for (String stage : WORKED) {
            long millis = stages.getOrDefault(stage, 0L);
            session.out()
                    .printf(
                            "%-8s %14.1f %7.1f%%%n",
                            stage, (double) millis / (rounds * studies), 100.0 * millis / Math.max(1, all));
        }
    }

    private static int windows(InferenceEngine engine, List<NormalisedCrop> crops) throws Exception {
        int windows = 0;
        for (NormalisedCrop crop : crops) {
            CropSegmentation warmUp = engine.infer(crop, new InferenceControl());
            windows += warmUp.windows();
        }
        return windows;
    }

    /** From the first event's sending to the last result's visibility. */
    private static double workerSeconds(
            BenchWorker worker, String name, List<Map<String, Path>> mix, Map<String, Long> stages) throws Exception {
        long start = System.nanoTime();
        for (int i = 0; i < mix.size(); i++) {
            worker.submit(name + "-" + i, mix.get(i));
        }
        worker.awaitResults(mix.size()).forEach((stage, millis) -> stages.merge(stage, millis, Long::sum));
        return (System.nanoTime() - start) / 1e9;
    }

    private static NormalisedCrop decode(ModelBundle bundle, Map<String, Path> study) throws Exception {
        FileVolumeSource source =
                new FileVolumeSource(List.of(Repository.phantoms().toAbsolutePath()), new NiftiReader(MOST_VOXELS));
        LinkedHashMap<String, Volume> volumes = new LinkedHashMap<>();
        for (Map.Entry<String, Path> file : study.entrySet()) {
            volumes.put(
                    file.getKey(),
                    source.load(new VolumeReference(
                                    file.getValue().toAbsolutePath().toUri().toString(), "nifti", null, null))
                            .volume());
        }
        return new StudyPreprocessor(new PreprocessorSettings(
                        bundle.orientation(),
                        bundle.window().depth(),
                        bundle.window().height(),
                        bundle.window().width(),
                        bundle.clip(),
                        MOST_VOXELS))
                .prepare(volumes)
                .crop();
    }
}
