package io.cloe.worker.inference;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/** Memory outside Java's heap. */
final class NativeMemory {

    /** For RocksDB, network buffers, code and weights: 0.7 GiB were measured at a million open studies. */
    private static final long RESERVE = 1L << 30;

    private NativeMemory() {}

    /** Bytes that the machine, or the container, has beside a full heap and what a worker needs otherwise; at least 0. */
    static long left() {
        long machine =
                ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
        return left(machine, Runtime.getRuntime().maxMemory());
    }

    static long left(long machine, long heap) {
        return Math.max(0, machine - heap - RESERVE);
    }
}
