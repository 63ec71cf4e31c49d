package io.cloe.it.bench.inference;

import io.cloe.it.bench.Benchmark;
import io.cloe.it.bench.Figure;
import io.cloe.it.bench.Session;
import io.cloe.it.bench.Spread;
import io.cloe.it.tools.NiftiFiles;
import io.cloe.it.tools.Repository;
import io.cloe.worker.config.AdminSettings;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.StudySettings;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import picocli.CommandLine.Option;

/** Whether a worker's memory stays what it is while studies pass through it. */
public final class MemoryBenchmark implements Benchmark {

    private static final double TARGET_PERCENT = 5;
    private static final List<String> MODALITIES = List.of("T1", "T2", "FLAIR");
    private static final int[] DIMS = {40, 36, 30};
    private static final int FILES = 8;

    @Option(names = "--studies", description = "Studies in all. Default: ${DEFAULT-VALUE}.")
    private int studies = 2_000;

    @Option(
            names = "--brains",
            description =
                    "Whole brains of 1 mm, each segmented at once by the model that is shipped, instead of small studies.")
    private boolean brains;

    @Override
    public String name() {
        return "memory";
    }

    @Override
    public String measures() {
        return "growth of a worker's heap and of its whole memory from its second to its last quarter of studies (percent)";
    }

    private record Sample(int studies, double heapMib, double processMib) {}

    @Override
    public Figure run(Session session) throws Exception {
        Path volumes = Files.createDirectories(session.folder().resolve("volumes"));
        Random random = new Random(session.seed());
        List<Map<String, Path>> mix = brains ? brains(volumes, random) : generate(volumes, random);
        int step = Math.max(1, studies / 20);
        List<Sample> samples = new ArrayList<>();
        session.out().printf("%8s %12s %14s %12s%n", "studies", "heap MiB", "process MiB", "studies/s");
        try (BenchWorker worker = BenchWorker.start(
                session,
                "worker",
                brains ? Repository.shippedBundle() : Repository.tinyBundle(),
                volumes,
                4,
                Map.of(
                        InferenceConfig.INFERENCE_THREADS,
                        "1",
                        // What a worker is asked to remember of closed studies is full before the second quarter:
                        // whatever grows from then on is a leak.
                        AdminSettings.ADMIN_STUDIES,
                        String.valueOf(Math.max(1, studies / 20)),
                        StudySettings.STUDY_RETENTION,
                        "5s"))) {
            for (int done = 0; done < studies; done += step) {
                long start = System.nanoTime();
                for (int i = done; i < done + step; i++) {
                    worker.submit("study-" + i, mix.get(i % mix.size()));
                }
                worker.awaitResults(step);
                double rate = step / ((System.nanoTime() - start) / 1e9);
                Sample sample = new Sample(done + step, heapMib(), processMib());
                samples.add(sample);
                session.out()
                        .printf(
                                "%8d %12.1f %14.1f %12.1f%n",
                                sample.studies(), sample.heapMib(), sample.processMib(), rate);
                session.out().flush();
            }
        }
        double heap = growth(samples.stream().map(Sample::heapMib).toList());
        double process = growth(samples.stream().map(Sample::processMib).toList());
        session.out()
                .printf(
                        "growth: heap %s %%, process %s %%; peak of the process %.0f MiB%n",
                        text(heap),
                        text(process),
                        samples.stream().mapToDouble(Sample::processMib).max().orElse(0));
        return Figure.atMost(name(), Math.max(heap, process), "%", TARGET_PERCENT);
    }

    private static String text(double number) {
        return String.format(Locale.ROOT, "%.1f", number);
    }

    /** From the second quarter, when all is warm, to the last one, by their medians. */
    private static double growth(List<Double> values) {
        int quarter = values.size() / 4;
        double before = median(values.subList(quarter, 2 * quarter));
        double after = median(values.subList(3 * quarter, values.size()));
        return 100 * (after - before) / before;
    }

    private static double median(List<Double> values) {
        return Spread.of(values.stream().mapToDouble(Double::doubleValue).toArray())
                .median();
    }

    private static double heapMib() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() / (double) (1 << 20);
    }

    /** All that the process holds in memory: heap, direct buffers, ONNX Runtime, RocksDB. */
    private static double processMib() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D+", "")) / 1_024)
                .findFirst()
                .orElseThrow();
    }

    private static List<Map<String, Path>> generate(Path folder, Random random) throws IOException {
        List<Map<String, Path>> studies = new ArrayList<>();
        for (int i = 0; i < FILES; i++) {
            Map<String, Path> volumes = new LinkedHashMap<>();
            // One, two or all three modalities in turn.
            for (String modality : MODALITIES.subList(0, 1 + i % MODALITIES.size())) {
                Path file = folder.resolve("study-" + i + "-" + modality + ".nii.gz");
                NiftiFiles.generate(file, DIMS, random);
                volumes.put(modality, file);
            }
            studies.add(volumes);
        }
        return studies;
    }

    /** Of one modality and of two, in turn. */
    private static List<Map<String, Path>> brains(Path folder, Random random) throws IOException {
        Map<String, Path> volumes = BrainVolumes.write(folder.resolve("brain"), random);
        return List.of(
                Map.of("FLAIR", volumes.get("FLAIR")),
                Map.of("T1CE", volumes.get("T1CE"), "FLAIR", volumes.get("FLAIR")));
    }
}
