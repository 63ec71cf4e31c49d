package io.cloe.worker.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Model.UsageMessageSpec;

/** Puts the examples of a text file at the end of the commands' help. */
final class HelpExamples {

    /** Wide enough for the examples, which would be cut in two elsewhere. */
    static final int WIDTH = 120;

    private static final String FILE = "examples.txt";

    private HelpExamples() {}

    /**
     * Adds to each command what the file has for it.
     *
     * @throws IllegalStateException if the file speaks of a command that is not there
     */
    static void addTo(CommandLine root) {
        root.setUsageHelpWidth(WIDTH);
        byCommand().forEach((path, lines) -> {
            CommandLine command = root;
            for (String name : path.split(" ")) {
                command = command.getSubcommands().get(name);
                if (command == null) {
                    throw new IllegalStateException(FILE + ": there is no command " + path);
                }
            }
            UsageMessageSpec usage = command.getCommandSpec().usageMessage();
            usage.footerHeading("%nExamples:%n");
            usage.footer(lines.stream().map(line -> "  " + line).toArray(String[]::new));
        });
    }

    private static Map<String, List<String>> byCommand() {
        Map<String, List<String>> examples = new LinkedHashMap<>();
        try (BufferedReader file = new BufferedReader(
                new InputStreamReader(HelpExamples.class.getResourceAsStream(FILE), StandardCharsets.UTF_8))) {
            List<String> current = null;
            for (String line = file.readLine(); line != null; line = file.readLine()) {
                if (line.startsWith("[")) {
                    current = new ArrayList<>();
                    examples.put(line.substring(1, line.length() - 1), current);
                } else if (current != null && !line.isBlank()) {
                    current.add(line);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return examples;
    }
}
