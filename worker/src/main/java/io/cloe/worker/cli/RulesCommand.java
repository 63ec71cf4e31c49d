package io.cloe.worker.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.topology.study.DryRun;
import io.cloe.topology.study.ModelFamilies;
import io.cloe.topology.study.RuleBook;
import io.cloe.topology.study.StudyRules;
import io.cloe.worker.config.ConfigurationException;
import io.cloe.worker.config.DurationText;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.kafka.ServedModels;
import io.cloe.worker.kafka.StartupException;
import io.cloe.worker.results.DryRunText;
import io.cloe.worker.submit.RecordedInputs;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code cloe rules}. */
@Command(
        name = "rules",
        description = "Study rules: how long to wait, what is required, by the attributes of a study.",
        mixinStandardHelpOptions = true,
        subcommands = {RulesCommand.Check.class, RulesCommand.Replay.class})
final class RulesCommand {

    private RulesCommand() {}

    /** The rules of the settings and of a file, and the models that they must fit. */
    static final class RuleSource {

        @Mixin
        private SettingsOptions settings;

        @Parameters(
                arity = "0..1",
                paramLabel = "FILE",
                description = "Rule file in YAML. Default: the setting study.rules.")
        private Path file;

        private Map<String, String> merged() throws ConfigurationException {
            Map<String, String> merged = new HashMap<>(settings.merged());
            if (file != null) {
                merged.put(StudySettings.STUDY_RULES, file.toString());
            }
            return merged;
        }

        ModelFamilies families() throws ConfigurationException, StartupException {
            return models().families();
        }

        private ServedModels models() throws ConfigurationException, StartupException {
            String bundles = merged().getOrDefault(WorkerConfig.MODEL_BUNDLES, "");
            List<Path> folders = Arrays.stream(bundles.split(","))
                    .map(String::strip)
                    .filter(folder -> !folder.isEmpty())
                    .map(Path::of)
                    .toList();
            if (folders.isEmpty()) {
                throw new ConfigurationException("missing setting " + WorkerConfig.MODEL_BUNDLES
                        + ": the bundles say which modalities the rules may name");
            }
            return ServedModels.open(folders);
        }

        RuleBook rules() throws ConfigurationException, StartupException {
            return models().requireFitting(StudySettings.rules(merged()));
        }

        ClientSettings client() throws ConfigurationException {
            return settings.client();
        }
    }

    /** {@code cloe rules check}. */
    @Command(
            name = "check",
            description = "Reads the rules as a worker would and says what they are.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Check implements Callable<Integer> {

        @Mixin
        private RuleSource source;

        @Option(names = "--json", description = "As one JSON object.")
        private boolean json;

        @Spec
        private CommandSpec spec;

        @Override
        public Integer call() throws Exception {
            RuleBook book = source.rules();
            PrintWriter out = spec.commandLine().getOut();
            if (json) {
                out.println(json(book).toPrettyString());
                return ExitCode.OK;
            }
            for (RuleBook.SpecialRule rule : book.special()) {
                out.println(rule.name() + ": " + when(rule.when())
                        + rule.modelFamily()
                                .map(family -> "; served by " + family)
                                .orElse(""));
                out.println("  " + said(rule.rules()));
            }
            out.println("all others");
            out.println("  " + said(book.general()));
            out.flush();
            return ExitCode.OK;
        }

        private static ObjectNode json(RuleBook book) {
            ObjectNode object = JsonNodeFactory.instance.objectNode();
            ArrayNode special = object.putArray("rules");
            for (RuleBook.SpecialRule rule : book.special()) {
                ObjectNode node = special.addObject().put("name", rule.name());
                ObjectNode when = node.putObject("when");
                rule.when().modelFamily().ifPresent(family -> when.put("modelFamily", family));
                ObjectNode attributes = when.putObject("attributes");
                rule.when().attributes().forEach((name, values) -> {
                    ArrayNode array = attributes.putArray(name);
                    values.stream().sorted().forEach(array::add);
                });
                rule.modelFamily().ifPresent(family -> node.put("modelFamily", family));
                put(node, rule.rules());
            }
            put(object.putObject("allOthers"), book.general());
            return object;
        }

        private static void put(ObjectNode node, StudyRules rules) {
            node.put("timeout", DurationText.of(rules.timeout()))
                    .put("required", rules.required().toString())
                    .put("onIncomplete", rules.onIncomplete().name().toLowerCase(Locale.ROOT))
                    .put("settle", DurationText.of(rules.settle()))
                    .put("retention", DurationText.of(rules.retention()));
        }

        private static String when(RuleBook.Condition condition) {
            StringBuilder text = new StringBuilder("when");
            condition.modelFamily().ifPresent(family -> text.append(" family ").append(family));
            condition.attributes().entrySet().stream()
                    .sorted(Map.Entry.comparingByKey())
                    .forEach(wanted -> text.append(' ')
                            .append(wanted.getKey())
                            .append(" is ")
                            .append(String.join(
                                    " or ", wanted.getValue().stream().sorted().toList())));
            return text.toString();
        }

        private static String said(StudyRules rules) {
            return "timeout " + DurationText.of(rules.timeout()) + ", required " + rules.required() + ", else "
                    + rules.onIncomplete().name().toLowerCase(Locale.ROOT) + ", settle "
                    + DurationText.of(rules.settle()) + ", retention " + DurationText.of(rules.retention());
        }
    }

    /** {@code cloe rules dry-run}. */
    @Command(
            name = "dry-run",
            description = {
                "Replays the recorded scan events and study commands under the rules and says what would have happened.",
                "Nothing is read, inferred or published. Every job is assumed to succeed after --inference, without a queue."
            },
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Replay implements Callable<Integer> {

        @Mixin
        private RuleSource source;

        @Option(
                names = "--since",
                defaultValue = "7d",
                paramLabel = "DURATION",
                description = "How far back to read. Default: ${DEFAULT-VALUE}.")
        private String since;

        @Option(
                names = "--inference",
                defaultValue = "5s",
                paramLabel = "DURATION",
                description = "How long a job is assumed to take. Default: ${DEFAULT-VALUE}.")
        private String inference;

        @Option(names = "--studies", description = "Also one line per result, and per study without one.")
        private boolean studies;

        @Option(names = "--json", description = "The whole report as one JSON object.")
        private boolean json;

        @Spec
        private CommandSpec spec;

        @Override
        public Integer call() throws Exception {
            RuleBook rules = source.rules();
            RecordedInputs inputs =
                    RecordedInputs.read(source.client(), Instant.now().minus(DurationOption.parse("--since", since)));
            DryRun.Report report = DryRun.of(
                    rules, source.families(), DurationOption.parse("--inference", inference), inputs.records());
            DryRunText text = new DryRunText(report, inputs.records().size(), inputs.unreadable());
            PrintWriter out = spec.commandLine().getOut();
            out.print(json ? text.json() : studies ? text.summary() + text.studies() : text.summary());
            out.flush();
            return ExitCode.OK;
        }
    }
}
