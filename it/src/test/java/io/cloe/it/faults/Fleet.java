package io.cloe.it.faults;

import io.cloe.it.tools.JavaProcess;
import io.cloe.it.tools.Waiting;
import io.cloe.it.tools.WorkerJvm;
import io.cloe.worker.config.WorkerConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Workers of one group, each in a process of its own with a state directory of its own, and masks in common. */
public final class Fleet implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Fleet.class);

    private final Path folder;
    private final Map<String, String> settings;
    private final Map<Integer, JavaProcess> members = new TreeMap<>();
    private final Set<Integer> supervised = new TreeSet<>();
    private ScheduledExecutorService supervisor;
    private int orders;

    /**
     * @param folder for what the workers write, but for masks
     * @param settings of every worker; its state directory is chosen here
     */
    public Fleet(Path folder, Map<String, String> settings) {
        this.folder = folder;
        this.settings = Map.copyOf(settings);
    }

    /** A worker that stands still, or will. */
    public final class Standstill {

        private final List<JavaProcess> told;
        private final StandstillOrder order;
        private final Path standing;

        private Standstill(List<JavaProcess> told, StandstillOrder order, Path standing) {
            this.told = told;
            this.order = order;
            this.standing = standing;
        }

        /** Waits until it stands still; fails at once when nobody is left who could. */
        public void await() {
            Waiting.until("a worker to stand still at " + order.step()).until(() -> {
                // Asked for before the condition: a process that ends right after saying so has said it.
                boolean possible = told.stream().anyMatch(JavaProcess::isAlive);
                if (!reached() && !possible) {
                    throw new AssertionError("no worker is left to stand still\n" + lastWords());
                }
                return reached();
            });
        }

        /** Whether it stands still, or has. */
        public boolean reached() {
            return told.stream().anyMatch(this::saysSo);
        }

        private boolean saysSo(JavaProcess process) {
            return process.outputLines().contains(order.reached());
        }

        /** Lets it go on, and waits until it does. */
        public void goOn() throws IOException {
            Files.delete(standing);
            process().awaitOutput(line -> line.equals(order.left()));
        }

        /** Its process, once it stands still. */
        public JavaProcess process() {
            return told.stream().filter(this::saysSo).findFirst().orElseThrow();
        }
    }

    /** Starts a worker in a place that is free. */
    public JavaProcess start(int place) {
        List<String> arguments = new ArrayList<>(List.of("run"));
        settings(place).forEach((key, value) -> arguments.add("-D" + key + "=" + value));
        return add(place, JavaProcess.start(place(place), "worker", WorkerJvm.OPTIONS, WorkerJvm.MAIN, arguments));
    }

    /** Starts a worker that stands still when it takes a step for the how manieth time, from 1. */
    public Standstill start(int place, Step step, int turn) {
        Path file = place(place).resolve("order");
        StandstillOrder order = order(file, step, turn);
        return new Standstill(List.of(startObedient(place, file)), order, order.standing(file));
    }

    /** Starts a worker that {@link #standStill} can be said to. */
    public JavaProcess startObedient(int place) {
        return startObedient(place, folder.resolve("order"));
    }

    private JavaProcess startObedient(int place, Path file) {
        return startWatched(place, StandstillWorker.class, List.of(file.toString()));
    }

    /** Tells all obedient workers that whichever takes the step first is to stand still there. */
    public synchronized Standstill standStill(Step step) {
        Path file = folder.resolve("order");
        StandstillOrder order = order(file, step, 1);
        return new Standstill(List.copyOf(members.values()), order, order.standing(file));
    }

    private StandstillOrder order(Path file, Step step, int turn) {
        StandstillOrder order = new StandstillOrder(++orders, step, turn);
        try {
            order.give(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return order;
    }

    /** Starts a worker for which a step always takes so long. */
    public JavaProcess start(int place, Step step, Duration takes) {
        return startWatched(place, SlowWorker.class, List.of(step.name(), Long.toString(takes.toMillis())));
    }

    private JavaProcess startWatched(int place, Class<?> main, List<String> first) {
        List<String> arguments = new ArrayList<>(first);
        settings(place).forEach((key, value) -> arguments.add(key + "=" + value));
        return add(place, JavaProcess.start(place(place), "worker", WorkerJvm.OPTIONS, main.getName(), arguments));
    }

    private synchronized JavaProcess add(int place, JavaProcess process) {
        JavaProcess former = members.put(place, process);
        if (former != null && former.isAlive()) {
            throw new IllegalStateException("place " + place + " was not free");
        }
        return process;
    }

    private Path place(int place) {
        return folder.resolve("worker-" + place);
    }

    /** Where a worker keeps its state. */
    public Path state(int place) {
        return place(place).resolve("state");
    }

    private Map<String, String> settings(int place) {
        Map<String, String> own = new LinkedHashMap<>(settings);
        own.put(WorkerConfig.STATE_DIRECTORY, state(place).toString());
        return own;
    }

    /** Waits until the worker in a place has joined its group; one that is supervised may end before, and be started again. */
    public void awaitRunning(int place) {
        if (isSupervised(place)) {
            Waiting.until("worker " + place + " runs")
                    .until(() -> member(place).outputLines().stream().anyMatch(Fleet::saysThatItRuns));
        } else {
            member(place).awaitOutput(Fleet::saysThatItRuns);
        }
    }

    private static boolean saysThatItRuns(String line) {
        return line.startsWith("cloe: running as ");
    }

    /**
     * From now on the worker in a place is started again whenever it ends by itself, as whoever supervises it would: a worker that
     * meets what it cannot mend ends.
     */
    public synchronized void supervise(int place) {
        if (supervisor == null) {
            supervisor = Executors.newSingleThreadScheduledExecutor(task -> new Thread(task, "supervisor"));
            supervisor.scheduleWithFixedDelay(this::startEnded, 0, 200, TimeUnit.MILLISECONDS);
        }
        supervised.add(place);
    }

    private synchronized boolean isSupervised(int place) {
        return supervised.contains(place);
    }

    private synchronized void startEnded() {
        try {
            for (int place : supervised) {
                JavaProcess member = member(place);
                if (!member.isAlive()) {
                    LOG.warn("worker {} ended: {}", place, String.join("\n", member.errorLines()));
                    member.close();
                    start(place);
                }
            }
        } catch (RuntimeException e) {
            // Otherwise nobody would see it: the wait for what the worker should do fails later, without the cause.
            LOG.error("an ended worker cannot be started again", e);
        }
    }

    /** The worker in a place. */
    public synchronized JavaProcess member(int place) {
        return members.get(place);
    }

    /** Kills the worker in a place as {@code kill -9} does. */
    public synchronized void kill(int place) {
        supervised.remove(place);
        members.get(place).close();
    }

    /** Stops the worker in a place as SIGTERM does. */
    public synchronized void stop(int place) {
        supervised.remove(place);
        members.get(place).terminate();
        members.get(place).awaitExit();
        members.get(place).close();
    }

    /** Who lives, and the last that each worker said, for whoever wonders why nothing happens. */
    public synchronized String lastWords() {
        return members.entrySet().stream()
                .map(member -> "worker " + member.getKey() + (member.getValue().isAlive() ? " lives: " : " has ended: ")
                        + String.join("\n", last(member.getValue().errorLines())))
                .collect(Collectors.joining("\n"));
    }

    private static List<String> last(List<String> lines) {
        return lines.subList(Math.max(0, lines.size() - 30), lines.size());
    }

    @Override
    public void close() {
        synchronized (this) {
            supervised.clear();
            if (supervisor != null) {
                supervisor.shutdown();
            }
        }
        members.values().forEach(JavaProcess::close);
    }
}
