package io.cloe.it.faults;

import io.cloe.it.tools.NiftiFiles;
import io.cloe.schemas.ScanEvent;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.submit.ScanEventProducer;
import io.cloe.worker.submit.ScanEvents;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Studies as they come in a hospital, without end: complete ones, some closed by their deadline, with late scans, corrections,
 * retractions and duplicates. What they are follows from the seed; when they come, from the clock. Sends from a thread of its own.
 */
public final class StudyLoad implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(StudyLoad.class);
    private static final int[] GRID = {24, 28, 26};
    private static final int VARIANTS = 4;

    private enum Story {
        COMPLETE,
        DEADLINE,
        LATE_SCAN,
        CORRECTION,
        RETRACTION,
        DUPLICATES
    }

    private record Step(Instant at, ScanEvent event) {}

    /**
     * What a study must come to.
     *
     * @param studyId the study
     * @param eventIds of the scans that its last result must be made of, by modality
     * @param files their volumes
     */
    public record Expected(String studyId, Map<String, String> eventIds, Map<String, Path> files) {

        /** The same scans in one complete study of the same name: what must come of it is the same. */
        private List<ScanEvent> sent(Map<String, String> attributes) {
            List<ScanEvent> events = new ArrayList<>();
            try {
                for (Map.Entry<String, Path> file : files.entrySet()) {
                    events.add(ScanEvents.available(studyId, file.getKey(), file.getValue(), 0, Instant.now())
                            .setEventId(eventIds.get(file.getKey()))
                            .setExpectedModalities(List.copyOf(files.keySet()))
                            .setAttributes(attributes)
                            .build());
                }
                return events;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /** The same with another scan of one modality. */
        private Expected with(ScanEvent scan, Path file) {
            Map<String, String> otherIds = new TreeMap<>(eventIds);
            otherIds.put(scan.getModality(), scan.getEventId());
            Map<String, Path> otherFiles = new TreeMap<>(files);
            otherFiles.put(scan.getModality(), file);
            return new Expected(studyId, otherIds, otherFiles);
        }
    }

    private final ScanEventProducer producer;
    private final Map<String, Expected> expected = Collections.synchronizedMap(new LinkedHashMap<>());
    private final PriorityQueue<Step> steps = new PriorityQueue<>(Comparator.comparing(Step::at));
    private final Duration pause;
    private final Begin begin;
    private final Thread thread;
    private volatile boolean ending;

    /** Makes the next study, or what is next of one that has come, and its steps. */
    private interface Begin {
        Expected study(int number, Instant now, List<Step> steps) throws IOException;
    }

    private StudyLoad(String name, ClientSettings clients, Duration pause, Begin begin) {
        this.producer = new ScanEventProducer(clients);
        this.pause = pause;
        this.begin = begin;
        thread = new Thread(this::run, "load-" + name);
        thread.setDaemon(true);
    }

    /**
     * Starts.
     *
     * @param prefix of the studies' ids
     * @param volumes that the workers may read, several of each modality
     * @param pause between studies
     */
    public static StudyLoad start(
            String prefix, Map<String, List<Path>> volumes, ClientSettings clients, Random random, Duration pause) {
        StudyLoad load = new StudyLoad(
                prefix,
                clients,
                pause,
                (number, now, steps) -> begin(prefix + "-" + number, volumes, random, now, steps));
        load.thread.start();
        return load;
    }

    /** Studies with all modalities, none sent. */
    public static List<Expected> complete(String prefix, Map<String, List<Path>> volumes, Random random, int count)
            throws IOException {
        List<Expected> studies = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Expected study = new Expected(prefix + "-" + i, Map.of(), Map.of());
            for (Map.Entry<String, List<Path>> modality : volumes.entrySet()) {
                Path file = anyOf(modality.getValue(), random);
                study = study.with(scan(study.studyId(), modality.getKey(), file, 0), file);
            }
            studies.add(study);
        }
        return studies;
    }

    private static ScanEvent scan(String studyId, String modality, Path file, int revision) throws IOException {
        return ScanEvents.available(studyId, modality, file, revision, Instant.now())
                .build();
    }

    /** Sends studies as they stood in the end, complete and without any story. */
    public static StudyLoad replay(List<Expected> studies, ClientSettings clients, Map<String, String> attributes) {
        StudyLoad load = new StudyLoad("replay", clients, Duration.ZERO, (number, now, steps) -> {
            throw new IllegalStateException("begins no studies");
        });
        load.ending = true;
        Instant now = Instant.now();
        for (Expected study : studies) {
            study.sent(attributes).forEach(event -> load.steps.add(new Step(now, event)));
            load.expected.put(study.studyId(), study);
        }
        load.thread.start();
        return load;
    }

    /** Replaces scans of studies that have come, now of one and now of another. */
    public static StudyLoad corrections(
            List<Expected> studies,
            Map<String, List<Path>> volumes,
            ClientSettings clients,
            Random random,
            Duration pause) {
        Map<String, Expected> current = new LinkedHashMap<>();
        studies.forEach(study -> current.put(study.studyId(), study));
        StudyLoad load = new StudyLoad("corrections", clients, pause, (number, now, steps) -> {
            Expected study =
                    current.get(studies.get(random.nextInt(studies.size())).studyId());
            String modality = anyOf(List.copyOf(volumes.keySet()), random);
            Path file = anyOf(volumes.get(modality), random);
            ScanEvent scan = scan(study.studyId(), modality, file, number + 1);
            steps.add(new Step(now, scan));
            current.put(study.studyId(), study.with(scan, file));
            return current.get(study.studyId());
        });
        load.thread.start();
        return load;
    }

    /** Makes several volumes of each modality. */
    static Map<String, List<Path>> volumes(Path folder, List<String> modalities) throws IOException {
        Map<String, List<Path>> volumes = new TreeMap<>();
        for (String modality : modalities) {
            List<Path> variants = new ArrayList<>();
            for (int variant = 0; variant < VARIANTS; variant++) {
                Path file = folder.resolve(modality + "-" + variant + ".nii.gz");
                NiftiFiles.generate(file, GRID, new Random(31L * variant + modality.hashCode()));
                variants.add(file);
            }
            volumes.put(modality, variants);
        }
        return volumes;
    }

    private void run() {
        Instant next = Instant.now();
        int number = 0;
        try {
            while (!ending || !steps.isEmpty()) {
                Instant now = Instant.now();
                if (!ending && !now.isBefore(next)) {
                    List<Step> further = new ArrayList<>();
                    Expected study = begin.study(number++, now, further);
                    expected.put(study.studyId(), study);
                    steps.addAll(further);
                    next = now.plus(pause);
                }
                while (!steps.isEmpty() && (ending || !steps.peek().at().isAfter(now))) {
                    send(steps.poll().event());
                }
                Thread.sleep(5);
            }
        } catch (IOException e) {
            LOG.error("the load ended early", e);
        } catch (InterruptedException e) {
            LOG.debug("the load was interrupted", e);
        }
    }

    /** What the brokers do not take now, they take later. */
    private void send(ScanEvent event) throws InterruptedException {
        while (true) {
            try {
                producer.send(event);
                return;
            } catch (IOException e) {
                LOG.debug("sent again: {}", e.getMessage());
            }
        }
    }

    private static Expected begin(
            String studyId, Map<String, List<Path>> volumes, Random random, Instant now, List<Step> steps)
            throws IOException {
        List<String> some = new ArrayList<>(volumes.keySet());
        Collections.shuffle(some, random);
        Story story = Story.values()[random.nextInt(Story.values().length)];
        int least = story == Story.LATE_SCAN || story == Story.RETRACTION ? 2 : 1;
        some = some.subList(0, least + random.nextInt(some.size() - least + 1));
        Map<String, ScanEvent> scans = new LinkedHashMap<>();
        Map<String, Path> files = new TreeMap<>();
        List<String> first = story == Story.LATE_SCAN ? some.subList(1, some.size()) : some;
        for (String modality : some) {
            Path file = anyOf(volumes.get(modality), random);
            ScanEvent.Builder event = ScanEvents.available(studyId, modality, file, 0, now);
            if (story == Story.DEADLINE) {
                event.setDeadline(now.plusMillis(500 + random.nextInt(2_500)));
            } else {
                event.setExpectedModalities(List.copyOf(first));
            }
            scans.put(modality, event.build());
            files.put(modality, file);
        }
        for (ScanEvent event : scans.values()) {
            int times = story == Story.DUPLICATES ? 1 + random.nextInt(3) : 1;
            for (int i = 0; i < times; i++) {
                boolean late = !first.contains(event.getModality());
                steps.add(new Step(now.plusMillis(late ? later(random) : random.nextInt(200)), event));
            }
        }
        Map<String, String> eventIds = new TreeMap<>();
        scans.forEach((modality, event) -> eventIds.put(modality, event.getEventId()));
        String changed = some.get(0);
        if (story == Story.CORRECTION) {
            Path file = anyOf(volumes.get(changed), random);
            ScanEvent event =
                    ScanEvents.available(studyId, changed, file, 1, now).build();
            steps.add(new Step(now.plusMillis(later(random)), event));
            eventIds.put(changed, event.getEventId());
            files.put(changed, file);
        } else if (story == Story.RETRACTION) {
            steps.add(new Step(
                    now.plusMillis(later(random)),
                    ScanEvents.retracted(studyId, changed, 1, now).build()));
            eventIds.remove(changed);
            files.remove(changed);
        }
        return new Expected(studyId, eventIds, files);
    }

    private static <T> T anyOf(List<T> variants, Random random) {
        return variants.get(random.nextInt(variants.size()));
    }

    private static int later(Random random) {
        return 500 + random.nextInt(4_000);
    }

    /** Begins no further study, and sends at once what is still to come of those that were begun. */
    public void end() throws InterruptedException {
        ending = true;
        thread.join();
    }

    /** What the studies so far must come to. */
    public List<Expected> expected() {
        synchronized (expected) {
            return List.copyOf(expected.values());
        }
    }

    @Override
    public void close() throws InterruptedException {
        ending = true;
        thread.interrupt();
        thread.join();
        producer.close();
    }
}
