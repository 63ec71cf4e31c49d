package io.cloe.worker.config;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.cloe.topology.study.RequiredModalities;
import io.cloe.topology.study.RuleBook;
import io.cloe.topology.study.RuleBook.Condition;
import io.cloe.topology.study.RuleBook.SpecialRule;
import io.cloe.topology.study.StudyRules;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * Special study rules in YAML. Every mistake is refused with the rule and the key in which it stands, and what is allowed there.
 *
 * <pre>
 * rules:
 *   - name: urgent
 *     when:
 *       attributes: { urgency: [stat, urgent] }
 *     timeout: 2m
 *     required: T1CE and (T2 or FLAIR)
 *     on-incomplete: wait
 * </pre>
 */
final class RuleFile {

    private static final int LARGEST = 1 << 20;

    private static final YAMLMapper YAML = YAMLMapper.builder()
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private static final Set<String> RULE_KEYS = new TreeSet<>(
            Set.of("name", "when", "model-family", "timeout", "settle", "retention", "required", "on-incomplete"));

    private final StudyRules general;

    private RuleFile(StudyRules general) {
        this.general = general;
    }

    /**
     * Reads a rule file.
     *
     * @param general what a special rule leaves as it is
     * @throws ConfigurationException if the file cannot be read or a rule is wrong
     */
    static RuleBook read(Path file, StudyRules general) throws ConfigurationException {
        try {
            return new RuleFile(general).book(YAML.readTree(content(file)));
        } catch (JsonProcessingException e) {
            throw new ConfigurationException("setting " + StudySettings.STUDY_RULES + ": line "
                    + (e.getLocation() == null ? "?" : e.getLocation().getLineNr()) + ": " + e.getOriginalMessage()
                    + "; allowed: YAML");
        } catch (IOException e) {
            throw new ConfigurationException("setting " + StudySettings.STUDY_RULES + ": cannot read " + file + " ("
                    + e.getClass().getSimpleName() + "); allowed: a YAML file in UTF-8");
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException("setting " + StudySettings.STUDY_RULES + ": " + e.getMessage());
        }
    }

    /** A device or a pipe has no size, and no end: only so much is read, whatever a size says. */
    private static String content(Path file) throws IOException {
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw new WrongRule("the file", "a folder, a device or a pipe", "a file");
        }
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(LARGEST + 1);
            if (bytes.length > LARGEST) {
                throw new WrongRule("the file", "more than 1 MiB", "a file of at most 1 MiB");
            }
            // Strict: a text with replaced characters would be other rules than those that were written.
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        }
    }

    private RuleBook book(JsonNode root) {
        requireKeys(root, "the file", Set.of("rules"));
        JsonNode rules = root.get("rules");
        if (rules == null || !rules.isArray()) {
            throw new WrongRule("rules", describe(rules), "a list of rules");
        }
        List<SpecialRule> special = new ArrayList<>();
        for (int i = 0; i < rules.size(); i++) {
            special.add(rule(rules.get(i), "rule " + (i + 1)));
        }
        return new RuleBook(general, special);
    }

    private SpecialRule rule(JsonNode node, String position) {
        requireKeys(node, position, RULE_KEYS);
        String name =
                text(node, "name", position).orElseThrow(() -> new WrongRule(position + ", name", "nothing", "a name"));
        String where = position + " (" + name + ")";
        Condition when = when(node.get("when"), where + ", when");
        Optional<String> family = text(node, "model-family", where);
        if (family.isPresent() && when.modelFamily().isPresent()) {
            throw new WrongRule(
                    where + ", model-family",
                    family.get(),
                    "a family to choose, or one under when to ask for, not both");
        }
        StudyRules rules = new StudyRules(
                duration(node, "timeout", where, general.timeout()),
                general.longestWait(),
                duration(node, "settle", where, general.settle()),
                duration(node, "retention", where, general.retention()),
                read(node, "required", where, RequiredModalities::parse, general.required()),
                read(node, "on-incomplete", where, RuleFile::onIncomplete, general.onIncomplete()),
                general.retry(),
                general.historyLimit());
        return new SpecialRule(name, when, family, rules);
    }

    private static Condition when(JsonNode node, String where) {
        if (node == null) {
            throw new WrongRule(where, "nothing", "model-family, attributes, or both");
        }
        requireKeys(node, where, Set.of("model-family", "attributes"));
        Map<String, Set<String>> attributes = new TreeMap<>();
        JsonNode wanted = node.get("attributes");
        if (wanted != null) {
            if (!wanted.isObject()) {
                throw new WrongRule(where + ", attributes", describe(wanted), "names with one value or a list of them");
            }
            wanted.properties()
                    .forEach(entry -> attributes.put(
                            entry.getKey(), values(entry.getValue(), where + ", attributes, " + entry.getKey())));
        }
        Condition condition = new Condition(text(node, "model-family", where), attributes);
        if (condition.modelFamily().isEmpty() && attributes.isEmpty()) {
            throw new WrongRule(where, "nothing", "model-family, attributes, or both");
        }
        return condition;
    }

    private static Set<String> values(JsonNode node, String where) {
        Set<String> values = new TreeSet<>();
        if (node.isArray()) {
            node.forEach(value -> values.add(scalar(value, where)));
        } else {
            values.add(scalar(node, where));
        }
        if (values.isEmpty()) {
            throw new WrongRule(where, "no value", "one value or a list of them");
        }
        return values;
    }

    private static String scalar(JsonNode node, String where) {
        if (!node.isValueNode() || node.isNull() || node.asText().isBlank()) {
            throw new WrongRule(where, describe(node), "a text, a number, true or false");
        }
        return node.asText();
    }

    private static Optional<String> text(JsonNode rule, String key, String where) {
        return Optional.ofNullable(rule.get(key)).map(node -> scalar(node, where + ", " + key));
    }

    private static Duration duration(JsonNode rule, String key, String where, Duration otherwise) {
        return read(rule, key, where, DurationText::parse, otherwise);
    }

    private static <T> T read(JsonNode rule, String key, String where, Function<String, T> parser, T otherwise) {
        Optional<String> text = text(rule, key, where);
        if (text.isEmpty()) {
            return otherwise;
        }
        try {
            return parser.apply(text.get());
        } catch (IllegalArgumentException e) {
            boolean explained = e.getMessage() != null && e.getMessage().contains("; allowed: ");
            throw explained
                    ? new IllegalArgumentException(where + ", " + key + ": " + e.getMessage(), e)
                    : new WrongRule(where + ", " + key, text.get(), e.getMessage());
        }
    }

    private static StudyRules.OnIncomplete onIncomplete(String name) {
        if (!Set.of("run", "wait", "discard").contains(name)) {
            throw new IllegalArgumentException("run, wait or discard");
        }
        return StudySettings.onIncomplete(name);
    }

    private static void requireKeys(JsonNode node, String where, Set<String> allowed) {
        String list = String.join(", ", new TreeSet<>(allowed));
        if (node == null || !node.isObject()) {
            throw new WrongRule(where, describe(node), "the keys " + list);
        }
        node.fieldNames().forEachRemaining(key -> {
            if (!allowed.contains(key)) {
                throw new WrongRule(where, "unknown key " + key, list);
            }
        });
    }

    private static String describe(JsonNode node) {
        return node == null || node.isMissingNode() || node.isNull()
                ? "nothing"
                : node.isValueNode() ? "'" + node.asText() + "'" : node.isArray() ? "a list" : "keys and values";
    }

    /** Names the place, what stands there, and what is allowed. */
    private static final class WrongRule extends IllegalArgumentException {

        private static final long serialVersionUID = 1L;

        WrongRule(String where, String found, String allowed) {
            super(where + ": " + found + "; allowed: " + allowed);
        }
    }
}
