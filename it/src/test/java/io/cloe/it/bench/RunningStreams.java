package io.cloe.it.bench;

import io.cloe.it.tools.Waiting;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Pattern;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/** A topology that runs in this process. */
final class RunningStreams implements AutoCloseable {

    private static final Pattern STREAM_THREAD = Pattern.compile(".*-StreamThread-\\d+");
    private static final Duration PATIENCE = Duration.ofMinutes(30);

    private final KafkaStreams streams;
    private final CountDownLatch running = new CountDownLatch(1);
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private volatile long runningSince;

    private RunningStreams(KafkaStreams streams) {
        this.streams = streams;
    }

    /** Starts a topology and waits until its state is restored and it processes records. */
    static RunningStreams start(Topology topology, Properties settings) throws InterruptedException {
        RunningStreams started = new RunningStreams(new KafkaStreams(topology, settings));
        started.streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.RUNNING && started.running.getCount() > 0) {
                started.runningSince = System.nanoTime();
                started.running.countDown();
            }
        });
        started.streams.setUncaughtExceptionHandler(exception -> {
            started.failure.set(exception);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        started.streams.start();
        started.await(started.running);
        return started;
    }

    /** {@link System#nanoTime} when it began to process records. */
    long runningSince() {
        return runningSince;
    }

    /** Processor time that its stream threads have used, in nanoseconds; without their producers' threads. */
    static long processorTime() {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long total = 0;
        for (ThreadInfo thread : threads.getThreadInfo(threads.getAllThreadIds())) {
            if (thread != null && STREAM_THREAD.matcher(thread.getThreadName()).matches()) {
                total += Math.max(0, threads.getThreadCpuTime(thread.getThreadId()));
            }
        }
        return total;
    }

    /** The largest current value of a metric of its threads. */
    double metric(String name) {
        return streams.metrics().entrySet().stream()
                .filter(metric -> metric.getKey().name().equals(name)
                        && metric.getKey().group().equals("stream-thread-metrics"))
                .mapToDouble(metric -> (Double) metric.getValue().metricValue())
                .max()
                .orElse(Double.NaN);
    }

    /** Waits for something that the topology does; fails when the topology does. */
    void await(CountDownLatch latch) throws InterruptedException {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!latch.await(200, TimeUnit.MILLISECONDS)) {
            if (failure.get() != null) {
                throw new IllegalStateException("the topology failed", failure.get());
            }
            if (System.nanoTime() > end) {
                throw new IllegalStateException("not within " + PATIENCE);
            }
        }
    }

    @Override
    public void close() {
        // As the worker does: its successor need not wait for its session to run out.
        streams.close(CloseOptions.timeout(Waiting.PATIENCE)
                .withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP));
    }
}
