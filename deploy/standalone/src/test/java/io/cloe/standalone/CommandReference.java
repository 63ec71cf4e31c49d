package io.cloe.standalone;

import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.Model.UsageMessageSpec;

/** The command line as a Markdown document, made from what {@code --help} is made from. */
final class CommandReference {

    /** Of every command; told once. */
    private static final Set<String> COMMON = Set.of("--help", "--version", "--config", "-D");

    private final CommandLine root;
    private final StringBuilder text = new StringBuilder();

    CommandReference(CommandLine root) {
        this.root = root;
    }

    String markdown() {
        text.append("# The command `cloe`\n\n");
        text.append(
                        "Made from the commands themselves; `--help` says the same. Where a command has `--json`, what it prints")
                .append(" without it is for people and may change.\n\n");
        text.append(
                        "Every command takes `-h`, `--help` and `-V`, `--version`. Commands that talk to Kafka also take settings")
                .append(" ([all keys](../../worker/docs/configuration.md)); the later of these wins:\n\n");
        text.append("| | |\n|---|---|\n");
        text.append("| `-c`, `--config=FILE` | properties file |\n");
        text.append("| environment | `CLOE_STUDY_TIMEOUT=2m` for `study.timeout` |\n");
        text.append("| `-D=KEY=VALUE` | one setting; repeatable |\n\n".replace("-D=", "-D"));
        text.append("Colours and progress bars appear on terminals only; `NO_COLOR=1` prevents colours there.\n\n");
        exitCodes();
        commands("", root);
        return text.toString();
    }

    private void exitCodes() {
        text.append("## Exit codes\n\n| code | meaning |\n|---|---|\n");
        root.getCommandSpec().usageMessage().exitCodeList().forEach((code, meaning) -> row(code, meaning));
        text.append('\n');
    }

    private void commands(String path, CommandLine parent) {
        Set<CommandLine> seen = new LinkedHashSet<>();
        for (Map.Entry<String, CommandLine> entry : parent.getSubcommands().entrySet()) {
            CommandLine command = entry.getValue();
            if (entry.getKey().equals("help") || !seen.add(command)) {
                continue;
            }
            String name = (path + " " + entry.getKey()).strip();
            if (command.getSubcommands().isEmpty()) {
                command(name, command.getCommandSpec());
            } else {
                commands(name, command);
            }
        }
    }

    private void command(String name, CommandSpec spec) {
        UsageMessageSpec usage = spec.usageMessage();
        text.append("## cloe ").append(name).append("\n\n");
        for (String paragraph : usage.description()) {
            text.append(paragraph).append("\n\n");
        }
        List<ArgSpec> arguments = spec.args().stream()
                .filter(argument -> !argument.hidden())
                .filter(argument -> !(argument instanceof OptionSpec option) || !COMMON.contains(option.longestName()))
                .toList();
        if (!arguments.isEmpty()) {
            text.append("| | |\n|---|---|\n");
            arguments.stream().filter(PositionalParamSpec.class::isInstance).forEach(this::argument);
            arguments.stream().filter(OptionSpec.class::isInstance).forEach(this::argument);
            text.append('\n');
        }
        if (usage.footer().length > 0) {
            text.append(Arrays.stream(usage.footer())
                    .map(line -> line.startsWith("  ") ? line.substring(2) : line)
                    .map(line -> line.startsWith("cloe ") || line.startsWith(" ") || line.startsWith("source ")
                            ? line
                            : "# " + line)
                    .collect(Collectors.joining("\n", "```sh\n", "\n```\n\n")));
        }
    }

    private void argument(ArgSpec argument) {
        String description = String.join(" ", argument.description())
                .replace("${DEFAULT-VALUE}", argument.defaultValueString())
                .replace("%%", "%");
        row(left(argument), argument.required() ? need(argument) + " " + description : description);
    }

    /** Required, or one of the other things that can be said instead. */
    private static String need(ArgSpec argument) {
        ArgGroupSpec branch = argument.group();
        ArgGroupSpec choice = branch == null || branch.exclusive() ? branch : branch.parentGroup();
        if (choice == null || !choice.exclusive()) {
            return "**Required.**";
        }
        String others = Stream.concat(
                        choice.args().stream(), choice.subgroups().stream().flatMap(group -> group.args().stream()
                                .limit(1)))
                .filter(other -> other != argument && (branch == choice || other.group() != branch))
                .map(other -> "`" + left(other) + "`")
                .collect(Collectors.joining(" or "));
        return "**Required**, unless there is " + others + ".";
    }

    private static String left(ArgSpec argument) {
        if (!(argument instanceof OptionSpec option)) {
            return argument.paramLabel();
        }
        String names = String.join("`, `", option.names());
        return option.arity().max() == 0 ? names : names + " " + option.paramLabel();
    }

    private void row(String left, String right) {
        text.append("| `")
                .append(left.replace("|", "\\|"))
                .append("` | ")
                .append(right.replace("|", "\\|"))
                .append(" |\n");
    }
}
