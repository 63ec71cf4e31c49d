package io.cloe.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

class HelpExamplesTest {

    private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|(\\S+)");

    @Test
    void shouldHaveAnExampleWhenACommandDoesSomething() {
        assertThat(leaves(CloeCommand.commandLine())).allSatisfy((path, command) -> assertThat(
                        command.getCommandSpec().usageMessage().footer())
                .as(path)
                .isNotEmpty());
    }

    @ParameterizedTest
    @MethodSource("examples")
    void shouldBeUnderstoodWhenAnExampleIsTyped(String example) {
        List<String> words = WORD.matcher(example)
                .results()
                .map(HelpExamplesTest::unquoted)
                .takeWhile(word -> !word.equals(">"))
                .toList();

        assertThatCode(() -> CloeCommand.commandLine()
                        .parseArgs(words.subList(1, words.size()).toArray(String[]::new)))
                .doesNotThrowAnyException();
    }

    @ParameterizedTest
    @MethodSource("leafPaths")
    void shouldKeepEachExampleOnItsLineWhenHelpIsPrinted(String path) {
        CommandLine command = leaves(CloeCommand.commandLine()).get(path);

        assertThat(command.getUsageMessage().lines())
                .contains(command.getCommandSpec().usageMessage().footer());
    }

    private static String unquoted(MatchResult word) {
        return word.group(1) == null ? word.group(2) : word.group(1);
    }

    static List<String> leafPaths() {
        return List.copyOf(leaves(CloeCommand.commandLine()).keySet());
    }

    static List<String> examples() {
        List<String> examples = new ArrayList<>();
        leaves(CloeCommand.commandLine()).values().forEach(command -> Arrays.stream(String.join(
                                "\n", command.getCommandSpec().usageMessage().footer())
                        .replaceAll("\\\\\\n\\s*", "")
                        .split("\n"))
                .map(String::strip)
                .filter(line -> line.startsWith("cloe "))
                .forEach(examples::add));
        assertThat(examples).hasSizeGreaterThan(30);
        return examples;
    }

    private static Map<String, CommandLine> leaves(CommandLine root) {
        Map<String, CommandLine> leaves = new LinkedHashMap<>();
        root.getSubcommands().forEach((name, command) -> {
            if (name.equals("help")) {
                return;
            }
            if (command.getSubcommands().isEmpty()) {
                leaves.put(name, command);
            }
            leaves(command).forEach((path, leaf) -> leaves.put(name + " " + path, leaf));
        });
        return leaves;
    }
}
