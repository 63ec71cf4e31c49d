package io.cloe.it.fuzz;

import java.io.IOException;
import java.io.Reader;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;

/**
 * What came of a run of one target.
 *
 * @param target its name
 * @param inputs how many it was given
 * @param refused how many of them it refused with its documented error
 * @param violations how many broke a promise; of those that fail at one place, the first counts
 * @param largestAllocation bytes of heap that one input allocated at most
 * @param largestShare largest part of an input's allowance that was allocated
 */
public record FuzzSummary(
        String target, long inputs, long refused, int violations, long largestAllocation, double largestShare) {

    void write(Path file) throws IOException {
        Properties properties = new Properties();
        properties.setProperty("target", target);
        properties.setProperty("inputs", Long.toString(inputs));
        properties.setProperty("refused", Long.toString(refused));
        properties.setProperty("violations", Integer.toString(violations));
        properties.setProperty("largestAllocation", Long.toString(largestAllocation));
        properties.setProperty("largestShare", Double.toString(largestShare));
        try (Writer out = Files.newBufferedWriter(file)) {
            properties.store(out, null);
        }
    }

    static FuzzSummary read(Path file) throws IOException {
        Properties properties = new Properties();
        try (Reader in = Files.newBufferedReader(file)) {
            properties.load(in);
        }
        return new FuzzSummary(
                properties.getProperty("target"),
                Long.parseLong(properties.getProperty("inputs")),
                Long.parseLong(properties.getProperty("refused")),
                Integer.parseInt(properties.getProperty("violations")),
                Long.parseLong(properties.getProperty("largestAllocation")),
                Double.parseDouble(properties.getProperty("largestShare")));
    }
}
