package io.cloe.worker.inference;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a device does with a model, as {@link DeviceCheck} found it. Times are milliseconds, the medians of several runs.
 *
 * @param asked the device asked for
 * @param running the device that ran
 * @param hardware what it says of itself; empty for the CPU, and where nobody could be asked
 * @param model id and version
 * @param window voxels of a window, z, y, x
 * @param goldenDifference largest difference from the bundle's own answer
 * @param subsets one per subset of the modalities
 * @param wholeCrops brains that are segmented at once; empty where that was not checked
 * @param nodesByProvider how many nodes of the graph of all modalities run where
 * @param timeByOperator part of that graph's time, the five most expensive operators and the copies
 * @param switching time per window when two subsets take turns, against the same without
 * @param memory what many runs from several threads left
 * @param faults what is wrong; empty if all is well
 * @param notChecked what could not be checked here, and why
 */
public record DeviceReport(
        String asked,
        String running,
        Optional<String> hardware,
        String model,
        List<Integer> window,
        double goldenDifference,
        List<Subset> subsets,
        List<WholeCrop> wholeCrops,
        Map<String, Integer> nodesByProvider,
        Map<String, Double> timeByOperator,
        double switching,
        Memory memory,
        List<String> faults,
        List<String> notChecked) {

    /**
     * One subset.
     *
     * @param modalities the subset
     * @param windowMs one window inside ONNX Runtime, transfers included
     * @param studyMs a study of {@code studyWindows} windows, blending included; empty where it was not run
     * @param studyWindows windows of that study
     * @param exact the device in full precision against the CPU
     * @param tf32 the device with TensorFloat-32 against the CPU; empty on the CPU
     * @param other another form of the model, such as half precision, against this one on the CPU; empty if none was given
     * @param otherWindowMs one window of the other form
     */
    public record Subset(
            List<String> modalities,
            double windowMs,
            Optional<Double> studyMs,
            int studyWindows,
            Parity exact,
            Optional<Parity> tf32,
            Optional<Parity> other,
            Optional<Double> otherWindowMs) {}

    /**
     * A crop that is segmented at once, in full precision.
     *
     * @param modalities the subset
     * @param shape voxels of the crop, z, y, x
     * @param ms from the normalised crop in memory to its labels
     * @param score largest difference of a weight or consistency from the CPU's; 0 where there are none
     * @param equalLabels part of the voxels with the same class as on the CPU
     */
    public record WholeCrop(
            List<String> modalities, List<Integer> shape, double ms, double score, double equalLabels) {}

    /**
     * How far two answers to one window are apart.
     *
     * @param probability largest difference of a probability
     * @param score largest difference of a weight or consistency; 0 where there are none
     * @param equalLabels part of the voxels with the same most probable class
     */
    public record Parity(double probability, double score, double equalLabels) {}

    /**
     * Memory of the process, and of the device where it can be asked.
     *
     * @param runs windows run
     * @param threads threads that took turns
     * @param processMibBefore resident memory before, after a first round of all subsets
     * @param processMibAfter the same afterwards
     * @param deviceMibBefore the device's used memory; empty where nobody could be asked
     * @param deviceMibAfter the same afterwards
     */
    public record Memory(
            int runs,
            int threads,
            double processMibBefore,
            double processMibAfter,
            Optional<Double> deviceMibBefore,
            Optional<Double> deviceMibAfter) {}

    /** Whether nothing is wrong. */
    public boolean passed() {
        return faults.isEmpty();
    }
}
