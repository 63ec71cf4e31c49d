package io.cloe.it.bench.inference;

import com.fasterxml.jackson.databind.JsonNode;
import io.cloe.it.bench.Benchmark;
import io.cloe.it.bench.Figure;
import io.cloe.it.bench.Session;
import io.cloe.it.bench.Spread;
import io.cloe.it.tools.Repository;
import io.cloe.schemas.VolumeReference;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.volume.FileVolumeSource;
import io.cloe.worker.volume.LoadedVolume;
import io.cloe.worker.volume.NiftiReader;
import io.cloe.worker.volume.NormalisedCrop;
import io.cloe.worker.volume.PreprocessorSettings;
import io.cloe.worker.volume.StudyPreprocessor;
import io.cloe.worker.volume.Volume;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import picocli.CommandLine.Option;

/** From the files of a study to the normalised tensor, against nibabel and numpy. */
public final class DecodeBenchmark implements Benchmark {

    private static final double TARGET = 3;
    private static final int MOST_VOXELS = 64 << 20;
    private static final double SAME = 1e-3;

    @Option(names = "--rounds", description = "Rounds that count; one more warms up. Default: ${DEFAULT-VALUE}.")
    private int rounds = 7;

    @Override
    public String name() {
        return "decode";
    }

    @Override
    public String measures() {
        return "files of a study to normalised tensors, against nibabel and numpy (times as fast)";
    }

    @Override
    public Figure run(Session session) throws Exception {
        Map<String, Path> study = BrainVolumes.write(session.folder().resolve("study"), new Random(session.seed()));
        ModelBundle bundle = BundleReader.open(Repository.shippedBundle());
        int cores = Runtime.getRuntime().availableProcessors();
        ExecutorService threads = Executors.newFixedThreadPool(cores);
        List<Double> ours = new ArrayList<>();
        List<Double> single = new ArrayList<>();
        List<Double> theirs = new ArrayList<>();
        try (PythonPeer python = PythonPeer.start(
                "decode_study.py",
                session.folder().resolve("python.log"),
                List.of(
                        "--bundle",
                        Repository.shippedBundle().toString(),
                        "--study",
                        session.folder().resolve("study").toString()))) {
            Decoder decoder = new Decoder(bundle, session.folder(), study);
            session.out().printf("4 volumes of 240 x 240 x 155 voxels, 16 bit, gzip, SHA-256 checked by ours only%n");
            session.out()
                    .printf(
                            "milliseconds per study%n%-8s %14s %14s %18s%n",
                            "round", cores + " threads", "1 thread", "nibabel, numpy");
            for (int round = 0; round <= rounds; round++) {
                double all = decoder.millis(threads);
                double one = decoder.millis(null);
                JsonNode answer = python.ask("again");
                requireSame(decoder.latest, answer);
                double peer = 1_000 * answer.get("seconds").asDouble();
                session.out().printf("%-8s %14.0f %14.0f %18.0f%n", round == 0 ? "warm-up" : round, all, one, peer);
                session.out().flush();
                if (round > 0) {
                    ours.add(all);
                    single.add(one);
                    theirs.add(peer);
                }
            }
        } finally {
            threads.shutdownNow();
        }
        Spread all = spread(ours);
        Spread peer = spread(theirs);
        session.out().println(cores + " threads, ms: " + all);
        session.out().println("1 thread, ms: " + spread(single));
        session.out().println("nibabel and numpy, ms: " + peer);
        session.out()
                .printf(
                        "1 thread against nibabel and numpy: %s x%n",
                        String.format(
                                Locale.ROOT,
                                "%.2f",
                                peer.median() / spread(single).median()));
        return Figure.atLeast(name(), peer.median() / all.median(), "x", TARGET);
    }

    private static Spread spread(List<Double> values) {
        return Spread.of(values.stream().mapToDouble(Double::doubleValue).toArray());
    }

    /** Whoever is fast must also be right. */
    private static void requireSame(NormalisedCrop crop, JsonNode answer) {
        int[] theirs = {
            answer.at("/shape/0").asInt(),
            answer.at("/shape/1").asInt(),
            answer.at("/shape/2").asInt()
        };
        boolean same = theirs[0] == crop.depth() && theirs[1] == crop.height() && theirs[2] == crop.width();
        for (int c = 0; same && c < crop.channels().length; c++) {
            double sum = 0;
            for (float voxel : crop.channels()[c]) {
                sum += Math.abs(voxel);
            }
            same = Math.abs(sum / crop.voxels()
                            - answer.at("/meanAbsolute/" + c).asDouble())
                    < SAME;
        }
        if (!same) {
            throw new IllegalStateException("ours and the peer's tensors differ");
        }
    }

    /** What the worker does with a study before the device. */
    private static final class Decoder {
        private final FileVolumeSource source;
        private final StudyPreprocessor preprocessor;
        private final Map<String, VolumeReference> study = new LinkedHashMap<>();
        private NormalisedCrop latest;

        Decoder(ModelBundle bundle, Path root, Map<String, Path> files) throws Exception {
            source = new FileVolumeSource(List.of(root), new NiftiReader(MOST_VOXELS));
            preprocessor = new StudyPreprocessor(new PreprocessorSettings(
                    bundle.orientation(),
                    bundle.window().depth(),
                    bundle.window().height(),
                    bundle.window().width(),
                    bundle.clip(),
                    MOST_VOXELS));
            for (Map.Entry<String, Path> file : files.entrySet()) {
                VolumeReference plain =
                        new VolumeReference(file.getValue().toUri().toString(), "nifti", null, null);
                String digest = source.load(plain).sha256();
                study.put(file.getKey(), new VolumeReference(plain.getUri(), "nifti", null, digest));
            }
        }

        double millis(ExecutorService threads) throws Exception {
            long start = System.nanoTime();
            LinkedHashMap<String, Volume> volumes = new LinkedHashMap<>();
            if (threads == null) {
                for (Map.Entry<String, VolumeReference> one : study.entrySet()) {
                    volumes.put(one.getKey(), source.load(one.getValue()).volume());
                }
                latest = preprocessor.prepare(volumes).crop();
            } else {
                Map<String, Future<LoadedVolume>> loading = new LinkedHashMap<>();
                study.forEach((modality, file) -> loading.put(modality, threads.submit(() -> source.load(file))));
                for (Map.Entry<String, Future<LoadedVolume>> one : loading.entrySet()) {
                    volumes.put(one.getKey(), one.getValue().get().volume());
                }
                latest = preprocessor.prepare(volumes, threads).crop();
            }
            return (System.nanoTime() - start) / 1e6;
        }
    }
}
