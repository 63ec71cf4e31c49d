package io.cloe.worker.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.worker.deadletters.DeadLetter;
import io.cloe.worker.deadletters.DeadLetterTopic;
import io.cloe.worker.deadletters.LetterId;
import io.cloe.worker.deadletters.LetterView;
import io.cloe.worker.deadletters.Readability;
import io.cloe.worker.deadletters.Readability.Verdict;
import io.cloe.worker.deadletters.Redrive;
import io.cloe.worker.deadletters.Redrive.Outcome;
import io.cloe.worker.deadletters.Selection;
import io.cloe.worker.kafka.ClientSettings;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cloe dead-letters}. */
@Command(
        name = "dead-letters",
        description = "Records that no worker could read: what they are, and sending them again after a fix.",
        mixinStandardHelpOptions = true,
        subcommands = {
            DeadLettersCommand.ListLetters.class,
            DeadLettersCommand.Show.class,
            DeadLettersCommand.Again.class
        })
final class DeadLettersCommand {

    private DeadLettersCommand() {}

    /** Which letters are meant. */
    static final class SelectionOptions {

        @Option(
                names = "--letter",
                paramLabel = "P@O",
                description = "This letter, by partition and offset of the dead-letter topic. Repeatable.")
        private List<String> letters = List.of();

        @Option(names = "--reason", description = "With this reason, such as UNKNOWN_SCHEMA. Repeatable.")
        private Set<String> reasons = Set.of();

        @Option(names = "--topic", description = "Of records of this topic. Repeatable.")
        private Set<String> topics = Set.of();

        @Option(
                names = "--since",
                paramLabel = "TIME",
                description = "Not older: a time such as 2026-11-26T08:00:00Z, or an age such as 2h.")
        private String since;

        @Option(names = "--until", paramLabel = "TIME", description = "Older, given in the same way.")
        private String until;

        Selection selection(Instant now) throws UserErrorException {
            Set<LetterId> ids = new HashSet<>();
            for (String letter : letters) {
                ids.add(letterId(letter));
            }
            return new Selection(
                    ids,
                    Set.copyOf(reasons),
                    Set.copyOf(topics),
                    TimeOption.parseIfGiven("--since", since, now),
                    TimeOption.parseIfGiven("--until", until, now));
        }
    }

    private static LetterId letterId(String text) throws UserErrorException {
        return LetterId.parse(text)
                .orElseThrow(() -> new UserErrorException(
                        "letter " + text + "; allowed: PARTITION@OFFSET, as 'dead-letters list' shows it"));
    }

    /** {@code cloe dead-letters list}. */
    @Command(
            name = "list",
            description = {
                "Lists letters: reason, the record's place, its size, and whether this build could read it now.",
                "Shows neither keys nor content."
            },
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class ListLetters extends WorkerCommand {

        @Mixin
        private SelectionOptions selected;

        @Option(names = "--json", description = "One JSON object per letter.")
        private boolean json;

        @Override
        public Integer call() throws Exception {
            PrintWriter out = spec.commandLine().getOut();
            ClientSettings client = settings.client();
            Selection selection = selected.selection(Instant.now());
            Readability readability = new Readability(client.topics(), client.records());
            Map<String, Integer> reasons = new TreeMap<>();
            try (DeadLetterTopic topic = new DeadLetterTopic(client)) {
                if (!json) {
                    out.print(LetterView.header());
                }
                topic.forEach(letter -> {
                    if (selection.includes(letter)) {
                        Verdict verdict = readability.of(letter);
                        boolean redriven = topic.isRedriven(letter.id());
                        out.print(
                                json
                                        ? LetterView.json(letter, verdict, redriven) + System.lineSeparator()
                                        : LetterView.row(letter, verdict, redriven));
                        reasons.merge(letter.reason(), 1, Integer::sum);
                    }
                });
            }
            if (!json) {
                out.println(reasons.isEmpty() ? "no letters" : "letters by reason: " + reasons);
            }
            out.flush();
            return ExitCode.OK;
        }
    }

    /** {@code cloe dead-letters show}. */
    @Command(
            name = "show",
            description = "Shows what is known of one letter, without its key, content or headers.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Show extends WorkerCommand {

        @Parameters(paramLabel = "LETTER", description = "PARTITION@OFFSET, as 'dead-letters list' shows it.")
        private String letterId;

        @Option(names = "--json", description = "As a JSON object.")
        private boolean json;

        @Override
        public Integer call() throws Exception {
            PrintWriter out = spec.commandLine().getOut();
            ClientSettings client = settings.client();
            LetterId wanted = letterId(letterId);
            Set<DeadLetter> found = new LinkedHashSet<>();
            try (DeadLetterTopic topic = new DeadLetterTopic(client)) {
                topic.forEach(letter -> {
                    if (letter.id().equals(wanted)) {
                        found.add(letter);
                    }
                });
                for (DeadLetter letter : found) {
                    Verdict verdict = new Readability(client.topics(), client.records()).of(letter);
                    boolean redriven = topic.isRedriven(wanted);
                    if (json) {
                        out.println(LetterView.json(letter, verdict, redriven));
                    } else {
                        LetterView.lines(letter, verdict, redriven).forEach(out::println);
                    }
                }
            }
            out.flush();
            if (found.isEmpty()) {
                complain("there is no letter " + wanted);
                return ExitCode.FAILED;
            }
            return ExitCode.OK;
        }
    }

    /** {@code cloe dead-letters redrive}. */
    @Command(
            name = "redrive",
            description = {
                "Sends the records of letters again, as they were, to the topic that they came from; each letter once.",
                "Letters that this build cannot read either are left alone unless --even-unreadable is given."
            },
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Again extends WorkerCommand {

        @Mixin
        private SelectionOptions selected;

        @Option(names = "--all", description = "All letters; needed if nothing else selects.")
        private boolean all;

        @Option(names = "--even-unreadable", description = "Also what this build cannot read.")
        private boolean evenUnreadable;

        @Option(names = "--dry-run", description = "Say what would be sent, and send nothing.")
        private boolean dryRun;

        @Option(names = "--json", description = "One JSON object with the counts, after one per letter that is sent.")
        private boolean json;

        @Override
        public Integer call() throws Exception {
            Selection selection = selected.selection(Instant.now());
            if (selection.isEverything() != all) {
                throw new UserErrorException(
                        "which letters? allowed: --letter, --reason, --topic, --since, --until, or" + " --all alone");
            }
            ClientSettings client = settings.client();
            Map<Outcome, Integer> counts = dryRun ? look(client, selection) : send(client, selection);
            report(counts);
            return ExitCode.OK;
        }

        private Map<Outcome, Integer> look(ClientSettings client, Selection selection) {
            Map<Outcome, Integer> counts = new EnumMap<>(Outcome.class);
            Readability readability = new Readability(client.topics(), client.records());
            try (DeadLetterTopic topic = new DeadLetterTopic(client)) {
                topic.forEach(letter -> {
                    if (selection.includes(letter)) {
                        Outcome outcome = Redrive.outcome(
                                letter, topic.isRedriven(letter.id()), readability.of(letter), evenUnreadable);
                        counts.merge(outcome, 1, Integer::sum);
                        if (outcome == Outcome.SENT) {
                            printSent(letter);
                        }
                    }
                });
            }
            return counts;
        }

        private Map<Outcome, Integer> send(ClientSettings client, Selection selection) {
            try (Redrive redrive = Redrive.connect(client, evenUnreadable, this::printSent);
                    DeadLetterTopic topic = new DeadLetterTopic(client)) {
                return redrive.send(topic, selection);
            }
        }

        private void printSent(DeadLetter letter) {
            String source = letter.source().orElseThrow().toString();
            print(
                    json
                            ? JsonNodeFactory.instance
                                    .objectNode()
                                    .put("letter", letter.id().toString())
                                    .put("record", source)
                                    .put("sent", !dryRun)
                            : letter.id() + " " + letter.reason() + ": " + (dryRun ? "would be sent" : "sent")
                                    + " again, from " + source);
        }

        private void report(Map<Outcome, Integer> counts) {
            PrintWriter out = spec.commandLine().getOut();
            ObjectNode object = JsonNodeFactory.instance.objectNode();
            for (Outcome outcome : Outcome.values()) {
                object.put(outcome.name(), counts.getOrDefault(outcome, 0));
            }
            if (json) {
                out.println(object.put("dryRun", dryRun));
            } else {
                out.printf(
                        "%s %d; before: %d; unreadable: %d; without a copy: %d; not of an input topic: %d%n",
                        dryRun ? "would be sent:" : "sent:",
                        counts.getOrDefault(Outcome.SENT, 0),
                        counts.getOrDefault(Outcome.SENT_BEFORE, 0),
                        counts.getOrDefault(Outcome.UNREADABLE, 0),
                        counts.getOrDefault(Outcome.LEFT_OUT, 0),
                        counts.getOrDefault(Outcome.NOT_AN_INPUT, 0));
            }
            out.flush();
        }
    }
}
