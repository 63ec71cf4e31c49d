package io.cloe.it.faults;

import io.cloe.it.tools.JavaProcess;
import io.cloe.it.tools.Waiting;
import io.cloe.it.tools.WorkerJvm;
import io.cloe.worker.config.WorkerConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Workers of one group, each in a process of its own with a state directory of its own, and masks in common. */
public final class Fleet implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Fleet.class);

    private final Path folder;
    private final Map<String, String> settings;
    private final Map<Integer, JavaProcess> members = new TreeMap<>();
    private int standstills;

    /**
     * @param folder for what the workers write, but for masks
     * @param settings of every worker; its state directory is chosen here
     */
    public Fleet(Path folder, Map<String, String> settings) {
        this.folder = folder;
        this.settings = Map.copyOf(settings);
    }

    /** A worker that was told to stand still. */
    public final class Standstill {

        private final JavaProcess process;
        private final Step step;
        private final Path goOn;

        private Standstill(JavaProcess process, Step step, Path goOn) {
            this.process = process;
            this.step = step;
            this.goOn = goOn;
        }

        /** Waits until it stands still. */
        public void await() {
            process.awaitOutput(line -> line.equals("at " + step));
        }

        /** Whether it stands still. */
        public boolean reached() {
            return process.outputLines().contains("at " + step);
        }

        /** Lets it go on, and waits until it does. */
        public void goOn() throws IOException {
            Files.createFile(goOn);
            process.awaitOutput(line -> line.equals("on from " + step));
        }

        /** Its process. */
        public JavaProcess process() {
            return process;
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
        Path goOn = place(place).resolve("go-on-" + standstills++);
        List<String> arguments = new ArrayList<>(List.of(step.name(), Integer.toString(turn), goOn.toString()));
        settings(place).forEach((key, value) -> arguments.add(key + "=" + value));
        JavaProcess process = JavaProcess.start(
                place(place), "worker", WorkerJvm.OPTIONS, StandstillWorker.class.getName(), arguments);
        return new Standstill(add(place, process), step, goOn);
    }

    /** Starts a worker for which a step always takes so long. */
    public JavaProcess start(int place, Step step, Duration takes) {
        List<String> arguments = new ArrayList<>(List.of(step.name(), Long.toString(takes.toMillis())));
        settings(place).forEach((key, value) -> arguments.add(key + "=" + value));
        return add(
                place,
                JavaProcess.start(place(place), "worker", WorkerJvm.OPTIONS, SlowWorker.class.getName(), arguments));
    }

    private JavaProcess add(int place, JavaProcess process) {
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

    /** Waits until the worker in a place has joined its group. */
    public void awaitRunning(int place) {
        members.get(place).awaitOutput(line -> line.startsWith("cloe: running as "));
    }

    /** Starts the worker in a place again if it has ended, as whoever supervises it would. */
    public void restartIfEnded(int place) {
        if (!members.get(place).isAlive()) {
            LOG.warn(
                    "worker {} ended: {}",
                    place,
                    String.join("\n", members.get(place).errorLines()));
            members.get(place).close();
            start(place);
        }
    }

    /** Waits until the worker in a place has joined its group, starting it again when it ends before. */
    public void supervise(int place) {
        Waiting.until("worker " + place + " runs").until(() -> {
            restartIfEnded(place);
            return members.get(place).outputLines().stream().anyMatch(line -> line.startsWith("cloe: running as "));
        });
    }

    /** The worker in a place. */
    public JavaProcess member(int place) {
        return members.get(place);
    }

    /** Kills the worker in a place as {@code kill -9} does. */
    public void kill(int place) {
        members.get(place).close();
    }

    /** Stops the worker in a place as SIGTERM does. */
    public void stop(int place) {
        members.get(place).terminate();
        members.get(place).awaitExit();
        members.get(place).close();
    }

    @Override
    public void close() {
        members.values().forEach(JavaProcess::close);
    }
}
