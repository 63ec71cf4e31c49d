package io.cloe.worker.metrics;

import io.cloe.worker.execution.ExecutorSnapshot;
import io.cloe.worker.execution.PipelinedExecutor;
import io.cloe.worker.execution.PriorityClass;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** Measures what an executor says of itself: its devices, its queues and its memory. */
public final class ExecutorMeters {

    private ExecutorMeters() {}

    /** Registers the meters; they ask the executor when they are read. */
    public static void register(PipelinedExecutor executor, MeterRegistry registry) {
        int devices = executor.snapshot().devices().size();
        for (int i = 0; i < devices; i++) {
            registerDevice(executor, i, registry);
        }
        for (PriorityClass worth : PriorityClass.values()) {
            Gauge.builder("cloe.executor.waiting", executor, e -> e.snapshot()
                            .waiting()
                            .get(worth))
                    .description("Jobs that wait to be read.")
                    .tag("class", worth.name().toLowerCase(Locale.ROOT))
                    .register(registry);
            Gauge.builder("cloe.executor.ready", executor, e -> e.snapshot()
                            .ready()
                            .get(worth))
                    .description("Studies in memory that wait for a device.")
                    .tag("class", worth.name().toLowerCase(Locale.ROOT))
                    .register(registry);
        }
        Gauge.builder("cloe.executor.waiting.same", executor, e -> e.snapshot().waitingForSame())
                .description("Jobs that wait for the result of one with the same input.")
                .register(registry);
        Gauge.builder("cloe.executor.memory.reserved", executor, e -> e.snapshot()
                        .memoryReservedBytes())
                .description("Heap that the studies in memory may take by now.")
                .baseUnit("bytes")
                .register(registry);
        Gauge.builder("cloe.executor.memory.limit", executor, e -> e.snapshot().memoryTotalBytes())
                .description("Heap that studies may take together (memory.mib).")
                .baseUnit("bytes")
                .register(registry);
    }

    private static void registerDevice(PipelinedExecutor executor, int index, MeterRegistry registry) {
        String name = executor.snapshot().devices().get(index).name();
        FunctionCounter.builder("cloe.device.run.time", executor, of(index, device -> device.busyNanos() / 1e9))
                .description(
                        "Time that the device has worked on studies; its rate is the share of time that it is busy.")
                .baseUnit("seconds")
                .tag("device", name)
                .register(registry);
        FunctionCounter.builder("cloe.device.studies", executor, of(index, ExecutorSnapshot.Device::studies))
                .description("Studies that the device has run.")
                .tag("device", name)
                .register(registry);
        FunctionCounter.builder(
                        "cloe.device.interruptions", executor, of(index, ExecutorSnapshot.Device::interruptions))
                .description("How often a live study ran before the rest of one that is reprocessed.")
                .tag("device", name)
                .register(registry);
        Gauge.builder("cloe.device.stuck", executor, of(index, device -> device.stuck() ? 1 : 0))
                .description("1 if the device did not end a run that was stopped, and gets no more work.")
                .tag("device", name)
                .register(registry);
    }

    private static ToDoubleFunction<PipelinedExecutor> of(int index, ToDoubleFunction<ExecutorSnapshot.Device> value) {
        return executor -> value.applyAsDouble(executor.snapshot().devices().get(index));
    }
}
