package io.cloe.worker.inference;

import io.cloe.worker.bundle.GraphUse;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.SubsetGraph;
import io.cloe.worker.bundle.WindowShape;
import io.cloe.worker.inference.EngineException.Kind;
import io.cloe.worker.volume.NormalisedCrop;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;

/** Which crops an engine takes, what heap they need, and which graphs serve them. Any thread. */
final class ServableCrops {

    /** What a run takes in all: 1.0 to 1.45 times its tensors was measured on a CPU. */
    private static final double OVERHEAD = 1.5;

    private final ModelBundle bundle;
    private final EngineSettings settings;
    private final OptionalLong wholeCropBytes;

    /** @param onGpu whether the device's own memory decides what fits, which only trying tells */
    ServableCrops(ModelBundle bundle, EngineSettings settings, boolean onGpu) {
        this.bundle = bundle;
        this.settings = settings;
        boolean unlimited = onGpu && settings.wholeCropBytes().isPresent();
        this.wholeCropBytes = unlimited ? OptionalLong.of(Long.MAX_VALUE) : settings.wholeCropBytes();
    }

    /**
     * The graph that segments a crop in windows.
     *
     * @throws EngineException of kind {@code INVALID_INPUT} for what no preprocessor makes, {@code STUDY_TOO_LARGE} for more than is
     *     allowed
     */
    SubsetGraph require(NormalisedCrop crop) throws EngineException {
        SubsetGraph graph = requireSubset(crop.modalities());
        requireSize(crop);
        requireContents(crop);
        if (settings.pairConsistency()) {
            List<SubsetGraph> pair = bundle.extraGraphs(GraphUse.CONSISTENCY, crop.modalities());
            return pair.isEmpty() ? graph : pair.get(0);
        }
        return graph;
    }

    private SubsetGraph requireSubset(List<String> modalities) throws EngineException {
        boolean distinct = new HashSet<>(modalities).size() == modalities.size();
        return (distinct ? bundle.graph(modalities) : Optional.<SubsetGraph>empty())
                .filter(graph -> graph.modalities().equals(modalities))
                .orElseThrow(() -> invalid("modalities " + modalities + ", must be a non-empty subset of "
                        + bundle.modalities() + " in this order"));
    }

    private void requireSize(NormalisedCrop crop) throws EngineException {
        WindowShape window = bundle.window();
        if (crop.depth() < window.depth() || crop.height() < window.height() || crop.width() < window.width()) {
            throw invalid("a crop of " + size(crop) + " voxels, must not be shorter than " + window);
        }
        long plane = (long) crop.depth() * crop.height();
        if (plane > Integer.MAX_VALUE || plane * crop.width() > Integer.MAX_VALUE - 8) {
            throw new EngineException(Kind.STUDY_TOO_LARGE, "a crop of " + size(crop) + " voxels exceeds any array");
        }
        long needed = bytesNeeded(crop.depth(), crop.height(), crop.width());
        if (needed > settings.studyMemoryBytes()) {
            throw new EngineException(
                    Kind.STUDY_TOO_LARGE,
                    "a crop of " + size(crop) + " voxels needs " + needed + " bytes, allowed are "
                            + settings.studyMemoryBytes());
        }
    }

    private static void requireContents(NormalisedCrop crop) throws EngineException {
        if (crop.channels().length != crop.modalities().size()) {
            throw invalid(crop.channels().length + " channels for the modalities " + crop.modalities());
        }
        for (float[] channel : crop.channels()) {
            if (channel.length != crop.voxels()) {
                throw invalid("a channel of " + channel.length + " voxels in a crop of " + crop.voxels());
            }
        }
        if (crop.brain().length() > crop.voxels()) {
            throw invalid("a brain mask of " + crop.brain().length() + " voxels in a crop of " + crop.voxels());
        }
    }

    /**
     * The graph that segments a crop at once, if that is wanted and possible. A crop of exactly one window is segmented so even unasked:
     * the answer is the same, and less is copied.
     */
    Optional<SubsetGraph> wholeCropGraph(NormalisedCrop crop) {
        boolean exact = isExactly(bundle.window(), crop.depth(), crop.height(), crop.width());
        return bundle.extraGraphs(GraphUse.WHOLE_CROP, crop.modalities()).stream()
                .filter(graph -> exact
                        ? graph.window().equals(bundle.window())
                        : graph.suits(crop.depth(), crop.height(), crop.width()))
                .findFirst()
                // A larger graph, with more of the crop padded, is no way out where the smallest that holds it takes
                // too much.
                .filter(graph -> exact || fits(graph));
    }

    /**
     * Whether windows are second best for a crop: it would be segmented at once, were it smaller or the memory larger. Not so for one that
     * is too small for the graphs: windows serve it as well.
     */
    boolean lacksRoomForWhole(NormalisedCrop crop) {
        List<SubsetGraph> whole = bundle.extraGraphs(GraphUse.WHOLE_CROP, crop.modalities()).stream()
                .filter(graph -> !graph.window().equals(bundle.window()))
                .toList();
        if (wholeCropBytes.isEmpty() || whole.isEmpty()) {
            return false;
        }
        boolean tooLarge = whole.stream().noneMatch(graph -> graph.holds(crop.depth(), crop.height(), crop.width()));
        boolean withoutMemory = whole.stream()
                .filter(graph -> graph.suits(crop.depth(), crop.height(), crop.width()))
                .findFirst()
                .filter(graph -> !fits(graph))
                .isPresent();
        return tooLarge || withoutMemory;
    }

    private boolean fits(SubsetGraph graph) {
        return wholeCropBytes.isPresent() && bytesOf(graph) <= wholeCropBytes.getAsLong();
    }

    /** Graphs for whole crops that are not run, for want of memory. */
    List<SubsetGraph> tooLarge() {
        return wholeCropBytes.isEmpty()
                ? List.of()
                : wholeCropGraphs().filter(graph -> !fits(graph)).toList();
    }

    /**
     * Which crops are segmented at once, for what changes with it; empty if none are. Workers whose memory allows the same graphs have the
     * same mode.
     */
    String wholeCropMode() {
        OptionalLong largest = wholeCropGraphs()
                .filter(this::fits)
                .mapToLong(ServableCrops::bytesOf)
                .max();
        if (largest.isEmpty()) {
            return "";
        }
        return tooLarge().isEmpty() ? "whole-crop" : "whole-crop-within-" + (largest.getAsLong() >> 20) + "-MiB";
    }

    private Stream<SubsetGraph> wholeCropGraphs() {
        return bundle.extraGraphs().stream().filter(graph -> graph.use() == GraphUse.WHOLE_CROP);
    }

    /** Bytes outside the heap that running a graph takes at most, or 0 where the bundle does not say. */
    static long bytesOf(SubsetGraph graph) {
        return (long) (OVERHEAD * graph.activationBytes());
    }

    /** The graph for a device that has no memory for the usual windows: the largest smaller one. */
    Optional<SubsetGraph> smallWindowGraph(List<String> modalities) {
        List<SubsetGraph> smaller = bundle.extraGraphs(GraphUse.SMALL_WINDOW, modalities);
        return smaller.isEmpty() ? Optional.empty() : Optional.of(smaller.get(smaller.size() - 1));
    }

    /** Bytes of heap for the answer to a crop of this size in the bundle's windows. */
    long bytesNeeded(int depth, int height, int width) {
        long labels = (long) depth * height * width;
        return isExactly(bundle.window(), depth, height, width)
                ? labels
                : labels
                        + SlabBlender.bytesNeeded(
                                bundle.window(), height, width, bundle.classes().size());
    }

    static boolean isExactly(WindowShape window, int depth, int height, int width) {
        return depth == window.depth() && height == window.height() && width == window.width();
    }

    private static EngineException invalid(String what) {
        return new EngineException(Kind.INVALID_INPUT, "input: " + what);
    }

    private static String size(NormalisedCrop crop) {
        return crop.depth() + " x " + crop.height() + " x " + crop.width();
    }
}
