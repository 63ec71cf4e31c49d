package io.cloe.worker.stores;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;

/** Measures calls of stores. For any number of threads. */
final class StoreMeters {

    private final MeterRegistry meters;
    private final String store;

    StoreMeters(MeterRegistry meters, String store) {
        this.meters = meters;
        this.store = store;
    }

    /** A call of a store. */
    interface Call<T> {
        T run() throws StoreFault;
    }

    <T> T measure(String operation, Call<T> call) throws StoreFault {
        long start = System.nanoTime();
        String outcome = "ok";
        try {
            return call.run();
        } catch (StoreFault e) {
            outcome = e.kind().tag();
            throw e;
        } finally {
            Timer.builder("cloe.store.call")
                    .description(
                            "Calls of object stores and web servers, until the answer begins, own retries included.")
                    .tag("store", store)
                    .tag("operation", operation)
                    .tag("outcome", outcome)
                    .register(meters)
                    .record(Duration.ofNanos(System.nanoTime() - start));
        }
    }
}
