package io.cloe.worker.submit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A folder with the volumes of one study, in the names that BraTS releases use: the last word before {@code .nii} or
 * {@code .nii.gz} says the modality.
 *
 * @param name the folder's name
 * @param volumes file by modality
 */
public record StudyFolder(String name, SortedMap<String, Path> volumes) {

    private static final Pattern VOLUME = Pattern.compile("(?:.*[-_. ])?([A-Za-z0-9]+)\\.nii(?:\\.gz)?");
    private static final Map<String, String> MODALITY_BY_WORD = Map.of(
            "T1N", "T1",
            "T1C", "T1CE",
            "T1GD", "T1CE",
            "T1POST", "T1CE",
            "T2W", "T2",
            "T2F", "FLAIR",
            "FL", "FLAIR");

    /** Words that name label files, which are no input. */
    private static final List<String> LABELS = List.of("SEG", "MASK", "LABEL", "LABELS");

    /**
     * Studies below a folder: the folder itself if it holds volumes, else each of its folders that does, sorted by name.
     *
     * @throws IOException if a folder cannot be read, or two files of a study name the same modality
     */
    public static List<StudyFolder> below(Path folder) throws IOException {
        Optional<StudyFolder> itself = of(folder);
        if (itself.isPresent()) {
            return List.of(itself.get());
        }
        List<StudyFolder> studies = new ArrayList<>();
        for (Path child : children(folder)) {
            if (Files.isDirectory(child)) {
                of(child).ifPresent(studies::add);
            }
        }
        return studies;
    }

    private static Optional<StudyFolder> of(Path folder) throws IOException {
        SortedMap<String, Path> volumes = new TreeMap<>();
        for (Path file : children(folder)) {
            Optional<String> modality = modality(file.getFileName().toString());
            if (modality.isPresent() && Files.isRegularFile(file)) {
                Path other = volumes.put(modality.get(), file.toAbsolutePath().normalize());
                if (other != null) {
                    throw new IOException("two files for " + modality.get() + ": " + other.getFileName() + " and "
                            + file.getFileName());
                }
            }
        }
        Path name = folder.toAbsolutePath().normalize().getFileName();
        return volumes.isEmpty() || name == null
                ? Optional.empty()
                : Optional.of(new StudyFolder(name.toString(), volumes));
    }

    private static List<Path> children(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }

    /** Modality that a file's name tells; empty for files that are no volume, for label files and for hidden ones. */
    static Optional<String> modality(String fileName) {
        Matcher matcher = VOLUME.matcher(fileName);
        // macOS puts a hidden ._t1.nii.gz beside t1.nii.gz on foreign file systems.
        if (fileName.startsWith(".") || !matcher.matches()) {
            return Optional.empty();
        }
        String word = matcher.group(1).toUpperCase(Locale.ROOT);
        return LABELS.contains(word) ? Optional.empty() : Optional.of(MODALITY_BY_WORD.getOrDefault(word, word));
    }
}
