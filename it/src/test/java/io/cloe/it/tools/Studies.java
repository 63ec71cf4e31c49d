package io.cloe.it.tools;

import io.cloe.schemas.ScanEvent;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.submit.ScanEventProducer;
import io.cloe.worker.submit.ScanEvents;
import io.cloe.worker.submit.StudyFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;

/** Announces generated studies, and remembers what it announced. */
public final class Studies implements AutoCloseable {

    private static final int[] NOISE_GRID = {24, 28, 26};

    private final Path root;
    private final ScanEventProducer producer;
    private final List<ScanEvent> sent = new ArrayList<>();

    /**
     * @param root folder below which the volumes are put
     * @param clients of the worker's topics
     */
    public Studies(Path root, ClientSettings clients) {
        this.root = root;
        this.producer = new ScanEventProducer(clients);
    }

    /**
     * A copy of a generated study that belongs to the caller.
     *
     * @param folder name of the folder
     * @param number which one, from 0
     * @return file by modality
     */
    public Map<String, Path> phantom(String folder, int number) throws IOException {
        List<StudyFolder> phantoms = StudyFolder.below(Repository.phantoms());
        SortedMap<String, Path> volumes = phantoms.get(number % phantoms.size()).volumes();
        Path target = Files.createDirectories(root.resolve(folder));
        for (Path volume : volumes.values()) {
            Files.copy(volume, target.resolve(volume.getFileName()));
        }
        return StudyFolder.below(target).get(0).volumes();
    }

    /**
     * A study of noise, unlike that of any other folder: milliseconds of work.
     *
     * @param folder name of the folder
     * @return file by modality
     */
    public Map<String, Path> noise(String folder, List<String> modalities) throws IOException {
        Path target = Files.createDirectories(root.resolve(folder));
        Map<String, Path> files = new TreeMap<>();
        for (String modality : modalities) {
            Path file = target.resolve(modality + ".nii.gz");
            NiftiFiles.generate(file, NOISE_GRID, new Random(folder.hashCode() + modality.hashCode()));
            files.put(modality, file);
        }
        return files;
    }

    /** An event for a file, not sent. */
    public static ScanEvent.Builder event(String studyId, String modality, Path file) throws IOException {
        return ScanEvents.available(studyId, modality, file, 0, Instant.now());
    }

    /** Announces some modalities of a study. */
    public void submit(String studyId, Map<String, Path> volumes, List<String> modalities)
            throws IOException, InterruptedException {
        submit(studyId, volumes, modalities, event -> {});
    }

    /** Announces some modalities of a study, each event changed before it is sent. */
    public void submit(
            String studyId, Map<String, Path> volumes, List<String> modalities, Consumer<ScanEvent.Builder> change)
            throws IOException, InterruptedException {
        for (String modality : modalities) {
            ScanEvent.Builder event = event(studyId, modality, volumes.get(modality));
            change.accept(event);
            send(event.build());
        }
    }

    /** Sends an event. */
    public void send(ScanEvent event) throws IOException, InterruptedException {
        producer.send(event);
        sent.add(event);
    }

    /** All events sent so far. */
    public List<ScanEvent> sent() {
        return List.copyOf(sent);
    }

    @Override
    public void close() {
        producer.close();
    }
}
