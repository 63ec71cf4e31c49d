package io.cloe.worker.bundle;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.cloe.worker.bundle.BundleException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** Turns the manifest's bytes into a {@link ModelBundle}; touches no other file. */
final class ManifestParser {

    private static final int FORMAT_VERSION = 1;
    private static final String NORMALISATION = "zscore-brain";
    private static final int MAX_MODALITIES = 8;
    private static final int MAX_WINDOW_EDGE = 512;
    /** Channels times voxels of a window must fit one Java buffer with room to spare. */
    private static final long MAX_WINDOW_VALUES = 1L << 28;

    private static final Set<String> KEYS = Set.of(
            "formatVersion",
            "family",
            "id",
            "version",
            "notForClinicalUse",
            "modalities",
            "orientation",
            "window",
            "overlap",
            "spacingMm",
            "normalisation",
            "classes",
            "labelScheme",
            "regions",
            "graphs",
            "golden",
            "measured",
            "training",
            "files");

    private static final String WEIGHTS = "weights";
    private static final double WEIGHTS_TOLERANCE = 1e-5;
    private static final String EXTRA_GRAPHS = "extraGraphs";
    private static final int MAX_EXTRA_GRAPHS = 4_096;
    private static final String ACTIVATION_MIB = "activationMib";
    private static final int MAX_ACTIVATION_MIB = 1 << 24;

    private static final Pattern FILE_SEGMENT = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._+-]*");
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private final Path root;

    ManifestParser(Path root) {
        this.root = root;
    }

    ModelBundle parse(byte[] manifest) throws BundleException {
        ManifestNode top = new ManifestNode("", json(manifest));
        requireFormatVersion(top);
        top.withKeys(KEYS, Set.of(EXTRA_GRAPHS));
        ModelIdentity identity = new ModelIdentity(
                top.at("family").name(),
                top.at("id").name(),
                top.at("version").name(),
                HexFormat.of().formatHex(BundleFiles.sha256().digest(manifest)));
        List<String> modalities = distinctNames(top.at("modalities"), 1, MAX_MODALITIES);
        List<ClassLabel> classes = classes(top.at("classes"));
        WindowShape window = window(top.at("window"), Math.max(modalities.size(), classes.size()));
        Map<String, BundleFiles.Listed> files = files(top.at("files"));
        Set<String> used = new HashSet<>();
        List<SubsetGraph> graphs = graphs(top.at("graphs"), modalities, window, files, used);
        boolean withoutGate = graphs.get(0).gate() == Gate.NONE;
        List<SubsetGraph> extraGraphs = top.has(EXTRA_GRAPHS)
                ? extraGraphs(top.at(EXTRA_GRAPHS), modalities, classes.size(), window, graphs, files, used)
                : List.of();
        return new ModelBundle(
                identity,
                top.at("notForClinicalUse").flag(),
                modalities,
                orientation(top.at("orientation")),
                window,
                overlap(top.at("overlap"), window),
                spacing(top.at("spacingMm")),
                clip(top.at("normalisation")),
                classes,
                top.at("labelScheme").name(),
                regions(top.at("regions"), classes),
                graphs,
                extraGraphs,
                golden(top.at("golden"), modalities, classes.size(), window, withoutGate),
                new BundleFiles(root, files));
    }

    private static JsonNode json(byte[] manifest) throws BundleException {
        try {
            return JSON.readTree(manifest);
        } catch (JsonProcessingException e) {
            String where = e.getLocation() == null
                    ? ""
                    : " at line " + e.getLocation().getLineNr() + ", column "
                            + e.getLocation().getColumnNr();
            throw new BundleException(
                    Kind.MANIFEST_UNREADABLE, "manifest.json: not JSON" + where + ": " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new BundleException(Kind.MANIFEST_UNREADABLE, "manifest.json: not readable as text", e);
        }
    }

    /** Comes before everything else: another version may have any other key. */
    private static void requireFormatVersion(ManifestNode top) throws BundleException {
        ManifestNode version = top.at("formatVersion");
        long number = version.whole(Long.MIN_VALUE, Long.MAX_VALUE);
        if (number != FORMAT_VERSION) {
            throw new BundleException(
                    Kind.FORMAT_VERSION, "formatVersion: " + number + "; this worker reads " + FORMAT_VERSION);
        }
    }

    private static List<String> distinctNames(ManifestNode node, int least, int most) throws BundleException {
        List<String> names = new ArrayList<>();
        for (ManifestNode element : node.elements()) {
            names.add(element.name());
        }
        if (names.size() < least || names.size() > most || new HashSet<>(names).size() != names.size()) {
            throw node.invalid(least + " to " + most + " different names");
        }
        return names;
    }

    private static String orientation(ManifestNode node) throws BundleException {
        String text = node.string();
        String axes = text.replace('R', 'L').replace('A', 'P').replace('I', 'S');
        if (!Set.of("LPS", "LSP", "PLS", "PSL", "SLP", "SPL").contains(axes)) {
            throw node.invalid("three letters, one each of L or R, P or A, S or I");
        }
        return text;
    }

    private static WindowShape window(ManifestNode node, int channels) throws BundleException {
        List<ManifestNode> edges = node.elements();
        if (edges.size() != 3) {
            throw node.invalid("three numbers: z, y, x");
        }
        int[] voxels = new int[3];
        for (int axis = 0; axis < 3; axis++) {
            voxels[axis] = (int) edges.get(axis).whole(8, MAX_WINDOW_EDGE);
            if (voxels[axis] % 8 != 0) {
                throw edges.get(axis).invalid("a multiple of 8");
            }
        }
        if ((long) voxels[0] * voxels[1] * voxels[2] * channels > MAX_WINDOW_VALUES) {
            throw node.invalid("a window of at most " + MAX_WINDOW_VALUES + " values over all channels");
        }
        return new WindowShape(voxels[0], voxels[1], voxels[2]);
    }

    private static double overlap(ManifestNode node, WindowShape window) throws BundleException {
        double overlap = node.number(0, 1);
        int shortest = Math.min(window.depth(), Math.min(window.height(), window.width()));
        if (Math.floor(shortest * (1 - overlap)) < 1) {
            throw node.invalid("at least 0 and small enough that windows move on by a voxel");
        }
        return overlap;
    }

    private static SpacingRange spacing(ManifestNode node) throws BundleException {
        node.withExactly(Set.of("min", "max"));
        double min = node.at("min").number(1e-3, 1e3);
        double max = node.at("max").number(1e-3, 1e3);
        if (min > max) {
            throw node.invalid("a range with min not above max");
        }
        return new SpacingRange(min, max);
    }

    private static float clip(ManifestNode node) throws BundleException {
        node.withExactly(Set.of("method", "clip"));
        ManifestNode method = node.at("method");
        if (!method.string().equals(NORMALISATION)) {
            throw method.invalid("\"" + NORMALISATION + "\"");
        }
        return (float) node.at("clip").number(1e-3, 1e6);
    }

    private static List<ClassLabel> classes(ManifestNode node) throws BundleException {
        List<ClassLabel> classes = new ArrayList<>();
        Set<String> names = new HashSet<>();
        Set<Integer> labels = new HashSet<>();
        for (ManifestNode element : node.elements()) {
            element.withExactly(Set.of("index", "name", "label"));
            ManifestNode index = element.at("index");
            if (index.whole(0, 255) != classes.size()) {
                throw index.invalid("the place in the list: " + classes.size());
            }
            String name = element.at("name").name();
            if (!names.add(name)) {
                throw element.at("name").invalid("a name that no other class has");
            }
            int label = (int) element.at("label").whole(0, 255);
            if (!labels.add(label)) {
                throw element.at("label").invalid("a value that no other class has");
            }
            if (classes.isEmpty() && label != 0) {
                throw element.at("label").invalid("0, because class 0 is the background");
            }
            classes.add(new ClassLabel(classes.size(), name, label));
        }
        if (classes.size() < 2) {
            throw node.invalid("the background and at least one class more");
        }
        return classes;
    }

    private static Map<String, List<String>> regions(ManifestNode node, List<ClassLabel> classes)
            throws BundleException {
        Set<String> known = new HashSet<>();
        classes.stream().skip(1).map(ClassLabel::name).forEach(known::add);
        Map<String, List<String>> regions = new LinkedHashMap<>();
        for (Map.Entry<String, ManifestNode> entry : node.entries().entrySet()) {
            if (!FILE_SEGMENT.matcher(entry.getKey()).matches()) {
                throw entry.getValue().invalid("under a name of letters, digits, '.', '-' and '_'");
            }
            List<String> members = distinctNames(entry.getValue(), 1, classes.size() - 1);
            if (!known.containsAll(members)) {
                throw entry.getValue().invalid("a list of classes other than the background");
            }
            regions.put(entry.getKey(), members);
        }
        if (regions.isEmpty()) {
            throw node.invalid("an object with at least one region");
        }
        return regions;
    }

    private static Map<String, BundleFiles.Listed> files(ManifestNode node) throws BundleException {
        Map<String, BundleFiles.Listed> files = new LinkedHashMap<>();
        for (Map.Entry<String, ManifestNode> entry : node.entries().entrySet()) {
            String name = entry.getKey();
            requireInside(name);
            if (name.equals(BundleFiles.MANIFEST)) {
                throw entry.getValue().invalid("left out: a manifest cannot hold its own digest");
            }
            ManifestNode file = entry.getValue().withExactly(Set.of("sha256", "bytes"));
            String sha256 = file.at("sha256").string();
            if (!SHA256.matcher(sha256).matches()) {
                throw file.at("sha256").invalid("64 lower-case hexadecimal digits");
            }
            files.put(name, new BundleFiles.Listed(sha256, file.at("bytes").whole(0, Long.MAX_VALUE - 1)));
        }
        return files;
    }

    private static void requireInside(String name) throws BundleException {
        for (String segment : name.split("/", -1)) {
            if (!FILE_SEGMENT.matcher(segment).matches()) {
                throw new BundleException(
                        Kind.FILE_OUTSIDE,
                        "files: '" + name
                                + "' is not allowed; must be a relative name inside the bundle, its parts made of"
                                + " letters, digits, '.', '_', '+' and '-'");
            }
        }
    }

    private static List<SubsetGraph> graphs(
            ManifestNode node,
            List<String> modalities,
            WindowShape window,
            Map<String, BundleFiles.Listed> files,
            Set<String> used)
            throws BundleException {
        List<SubsetGraph> graphs = new ArrayList<>();
        Set<List<String>> subsets = new HashSet<>();
        for (ManifestNode element : node.elements()) {
            element.withKeys(Set.of("modalities", "file", "gate"), Set.of(WEIGHTS));
            ManifestNode names = element.at("modalities");
            List<String> subset = subset(names, modalities);
            if (!subsets.add(subset)) {
                throw names.invalid("a subset that no other graph has");
            }
            String file = graphFile(element.at("file"), files, used);
            Gate gate = gate(element.at("gate"), subset.size(), GraphUse.WINDOW);
            graphs.add(new SubsetGraph(
                    subset, file, gate, fixedWeights(element, gate, subset.size()), GraphUse.WINDOW, window, 0));
        }
        if (graphs.stream().map(graph -> graph.gate() == Gate.NONE).distinct().count() > 1) {
            throw new BundleException(
                    Kind.VALUE_INVALID,
                    "graphs: a model has weights for every subset or, with gate \"none\", for none");
        }
        int expected = (1 << modalities.size()) - 1;
        if (graphs.size() != expected) {
            throw new BundleException(
                    Kind.VALUE_INVALID,
                    "graphs: " + graphs.size() + " of " + expected
                            + " subsets; must be one graph for every non-empty subset of " + modalities);
        }
        return graphs;
    }

    private static List<SubsetGraph> extraGraphs(
            ManifestNode node,
            List<String> modalities,
            int classes,
            WindowShape window,
            List<SubsetGraph> ofWindows,
            Map<String, BundleFiles.Listed> files,
            Set<String> used)
            throws BundleException {
        boolean withoutGate = ofWindows.get(0).gate() == Gate.NONE;
        Map<List<String>, List<Double>> fixedWeights = new HashMap<>();
        ofWindows.forEach(graph -> fixedWeights.put(graph.modalities(), graph.fixedWeights()));
        List<SubsetGraph> graphs = new ArrayList<>();
        Set<List<Object>> known = new HashSet<>();
        for (ManifestNode element : node.elements()) {
            element.withKeys(Set.of("use", "modalities", "window", "file", "gate"), Set.of(ACTIVATION_MIB));
            GraphUse use = use(element.at("use"));
            List<String> subset = subset(element.at("modalities"), modalities);
            WindowShape shape = window(element.at("window"), Math.max(modalities.size(), classes));
            requireFitting(element, use, subset, shape, window);
            if (!known.add(List.of(use, subset, shape))) {
                throw element.invalid("a use, modalities and window that no other graph has together");
            }
            String file = graphFile(element.at("file"), files, used);
            Gate gate = gate(element.at("gate"), subset.size(), use);
            if ((gate == Gate.NONE) != withoutGate) {
                throw element.at("gate").invalid("\"none\" as for all other graphs, or for no graph");
            }
            long activations =
                    element.has(ACTIVATION_MIB) ? element.at(ACTIVATION_MIB).whole(0, MAX_ACTIVATION_MIB) << 20 : 0;
            graphs.add(new SubsetGraph(subset, file, gate, fixedWeights.get(subset), use, shape, activations));
        }
        if (graphs.size() > MAX_EXTRA_GRAPHS) {
            throw node.invalid("a list of at most " + MAX_EXTRA_GRAPHS + " graphs");
        }
        return graphs;
    }

    /** Stated ones, or 1/k; none where the graph computes them or the model has none. */
    private static List<Double> fixedWeights(ManifestNode element, Gate gate, int modalities) throws BundleException {
        if (!element.has(WEIGHTS)) {
            return gate == Gate.FIXED ? Collections.nCopies(modalities, 1.0 / modalities) : List.of();
        }
        ManifestNode node = element.at(WEIGHTS);
        if (gate != Gate.FIXED) {
            throw node.invalid("left out: only a fixed gate has weights that are known beforehand");
        }
        List<Double> weights = node.numbers(modalities, 0, 1);
        double sum = weights.stream().mapToDouble(Double::doubleValue).sum();
        if (Math.abs(sum - 1) > WEIGHTS_TOLERANCE) {
            throw node.invalid("numbers that sum to 1");
        }
        return weights;
    }

    private static GraphUse use(ManifestNode node) throws BundleException {
        String text = node.string();
        for (GraphUse use : GraphUse.values()) {
            if (use != GraphUse.WINDOW && use.key().equals(text)) {
                return use;
            }
        }
        throw node.invalid("\"consistency\", \"whole-crop\" or \"small-window\"");
    }

    private static void requireFitting(
            ManifestNode element, GraphUse use, List<String> subset, WindowShape shape, WindowShape window)
            throws BundleException {
        if (use == GraphUse.CONSISTENCY && subset.size() != 2) {
            throw element.at("modalities").invalid("two modalities");
        }
        if (use == GraphUse.CONSISTENCY && !shape.equals(window)) {
            throw element.at("window").invalid("the bundle's window");
        }
        boolean inside =
                shape.depth() <= window.depth() && shape.height() <= window.height() && shape.width() <= window.width();
        if (use == GraphUse.SMALL_WINDOW && (!inside || shape.equals(window))) {
            throw element.at("window").invalid("smaller than the bundle's window, and along no axis larger");
        }
    }

    private static List<String> subset(ManifestNode names, List<String> modalities) throws BundleException {
        List<String> subset = distinctNames(names, 1, modalities.size());
        List<String> ordered = new ArrayList<>(modalities);
        ordered.retainAll(subset);
        if (!ordered.equals(subset)) {
            throw names.invalid("some of " + modalities + " in this order");
        }
        return subset;
    }

    private static String graphFile(ManifestNode node, Map<String, BundleFiles.Listed> files, Set<String> used)
            throws BundleException {
        String file = node.string();
        if (!files.containsKey(file) || !used.add(file)) {
            throw node.invalid("a name listed in 'files' that no other graph has");
        }
        return file;
    }

    private static Gate gate(ManifestNode node, int modalities, GraphUse use) throws BundleException {
        Gate expected = modalities <= 2 && use != GraphUse.CONSISTENCY ? Gate.FIXED : Gate.COMPUTED;
        String allowed = expected == Gate.FIXED ? "fixed" : "computed";
        if (node.string().equals("none")) {
            return Gate.NONE;
        }
        if (!node.string().equals(allowed)) {
            throw node.invalid("\"" + allowed + "\" or \"none\" for " + modalities + " modalities");
        }
        return expected;
    }

    private static GoldenWindow golden(
            ManifestNode node, List<String> modalities, int classes, WindowShape window, boolean withoutGate)
            throws BundleException {
        node.withExactly(
                Set.of("modalities", "samples", "weights", "consistencyGlobal", "consistencyRegional", "tolerance"));
        if (!node.at("modalities").strings().equals(modalities)) {
            throw node.at("modalities").invalid("all modalities in bundle order: " + modalities);
        }
        List<GoldenWindow.Sample> samples = new ArrayList<>();
        for (ManifestNode sample : node.at("samples").elements()) {
            sample.withExactly(Set.of("z", "y", "x", "probabilities"));
            samples.add(new GoldenWindow.Sample(
                    (int) sample.at("z").whole(0, window.depth() - 1L),
                    (int) sample.at("y").whole(0, window.height() - 1L),
                    (int) sample.at("x").whole(0, window.width() - 1L),
                    sample.at("probabilities").numbers(classes, 0, 1)));
        }
        if (samples.isEmpty()) {
            throw node.at("samples").invalid("a list of at least one sample");
        }
        // A fixed gate computes no consistency, so a bundle of one or two modalities has none to compare with.
        int scores = withoutGate || modalities.size() <= 2 ? 0 : modalities.size();
        return new GoldenWindow(
                modalities,
                samples,
                node.at("weights").numbers(withoutGate ? 0 : modalities.size(), 0, 1),
                node.at("consistencyGlobal").numbers(scores, -1.001, 1.001),
                node.at("consistencyRegional").numbers(scores, -1.001, 1.001),
                node.at("tolerance").number(1e-9, 0.1));
    }
}
