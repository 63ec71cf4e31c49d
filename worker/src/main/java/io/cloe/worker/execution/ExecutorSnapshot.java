package io.cloe.worker.execution;

import java.util.List;
import java.util.Map;

/**
 * What an executor is doing. Sums grow from the start of the process, so that the difference of two snapshots is a rate.
 *
 * @param devices one per device
 * @param waiting jobs that wait to be read, by class
 * @param ready studies in memory that wait for a device, by class
 * @param writing studies that wait to be written
 * @param waitingForSame jobs that wait for the result of one with the same input
 * @param memoryReservedBytes heap that studies in memory may take by now
 * @param memoryTotalBytes heap that they may take at most
 */
public record ExecutorSnapshot(
        List<Device> devices,
        Map<PriorityClass, Integer> waiting,
        Map<PriorityClass, Integer> ready,
        int writing,
        int waitingForSame,
        long memoryReservedBytes,
        long memoryTotalBytes) {

    /**
     * One device.
     *
     * @param name such as {@code cpu} or {@code cuda:0}
     * @param stuck whether it did not end a run that was stopped, and gets no more work
     * @param busy whether it runs a study now
     * @param busyNanos nanoseconds that it has run studies
     * @param studies studies that it has segmented
     * @param interruptions how often a live study ran before the rest of one that is reprocessed
     */
    public record Device(String name, boolean stuck, boolean busy, long busyNanos, long studies, long interruptions) {}
}
