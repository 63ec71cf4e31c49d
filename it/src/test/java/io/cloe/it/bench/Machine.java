package io.cloe.it.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/** What a figure was measured on. */
final class Machine {

    private Machine() {}

    static String description() {
        OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        return "machine: " + Runtime.getRuntime().availableProcessors() + " cores, "
                + (system.getTotalMemorySize() >> 20) + " MiB memory (heap at most "
                + (Runtime.getRuntime().maxMemory() >> 20) + "); " + System.getProperty("java.vm.name") + " "
                + System.getProperty("java.runtime.version") + "; " + System.getProperty("os.name") + " "
                + System.getProperty("os.version") + " " + System.getProperty("os.arch");
    }

    /** What else it had to do lately, this process included. */
    static String load() {
        return String.format(
                "load: %.1f on average over the last minute",
                ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
    }
}
