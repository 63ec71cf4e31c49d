package io.cloe.worker.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cloe.topology.study.RuleBook;
import io.cloe.topology.study.RuleBook.Condition;
import io.cloe.topology.study.RuleBook.SpecialRule;
import io.cloe.topology.study.StudyRules;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RuleFileTest {

    private static final StudyRules GENERAL = StudyRules.defaults();

    @TempDir
    private Path folder;

    @Test
    void shouldReadEveryKeyWhenARuleSaysAll() throws Exception {
        SpecialRule rule =
                read("""
                rules:
                  - name: north, urgent
                    when:
                      model-family: brain-glioma
                      attributes: { site: north, urgency: [stat, urgent], room: 7 }
                    timeout: 2m
                    settle: 10s
                    retention: 90d
                    required: T1CE and (T2 or FLAIR)
                    on-incomplete: wait
                """)
                        .special()
                        .get(0);

        assertThat(rule.name()).isEqualTo("north, urgent");
        assertThat(rule.when())
                .isEqualTo(new Condition(
                        Optional.of("brain-glioma"),
                        Map.of("site", Set.of("north"), "urgency", Set.of("stat", "urgent"), "room", Set.of("7"))));
        assertThat(rule.rules().timeout()).isEqualTo(Duration.ofMinutes(2));
        assertThat(rule.rules().settle()).isEqualTo(Duration.ofSeconds(10));
        assertThat(rule.rules().retention()).isEqualTo(Duration.ofDays(90));
        assertThat(rule.rules().required()).hasToString("T1CE and (T2 or FLAIR)");
        assertThat(rule.rules().onIncomplete()).isEqualTo(StudyRules.OnIncomplete.WAIT);
    }

    @Test
    void shouldLeaveWhatARuleDoesNotSayAsItIs() throws Exception {
        RuleBook book = read("rules: [{name: a, when: {attributes: {site: x}}, model-family: prostate}]");

        SpecialRule rule = book.special().get(0);
        assertThat(rule.modelFamily()).contains("prostate");
        assertThat(rule.rules()).isEqualTo(GENERAL);
        assertThat(book.general()).isEqualTo(GENERAL);
    }

    @Test
    void shouldReadNoRuleWhenTheListIsEmpty() throws Exception {
        assertThat(read("rules: []")).isEqualTo(RuleBook.of(GENERAL));
    }

    @ParameterizedTest
    @CsvSource(
            delimiterString = "=>",
            quoteCharacter = '`',
            value = {
                "'' => the file: nothing; allowed: the keys rules",
                "rule: [] => the file: unknown key rule; allowed: rules",
                "rules: x => rules: 'x'; allowed: a list of rules",
                "rules: [x] => rule 1: 'x'; allowed: the keys model-family, name, on-incomplete,",
                "rules: [{when: {model-family: a}}] => rule 1, name: nothing; allowed: a name",
                "rules: [{name: a}] => rule 1 (a), when: nothing; allowed: model-family, attributes, or both",
                "rules: [{name: a, when: {}}] => rule 1 (a), when: nothing; allowed: model-family, attributes, or both",
                "rules: [{name: a, when: {site: x}}] => rule 1 (a), when: unknown key site; allowed: attributes, model-family",
                "rules: [{name: a, when: {attributes: {site: []}}}] => rule 1 (a), when, attributes, site: no value; allowed: one value",
                "rules: [{name: a, when: {attributes: {site: {x: y}}}}] => when, attributes, site: keys and values; allowed: a text",
                "rules: [{name: a, when: {attributes: [x]}}] => when, attributes: a list; allowed: names with one value",
                "rules: [{name: a, when: {model-family: x}, timeout: 5}] => rule 1 (a), timeout: 5; allowed: a positive number with a unit",
                "rules: [{name: a, when: {model-family: x}, required: T1 and}] => rule 1 (a), required: rule 'T1 and': a modality is missing",
                "rules: [{name: a, when: {model-family: x}, on-incomplete: stop}] => on-incomplete: stop; allowed: run, wait or discard",
                "rules: [{name: a, when: {model-family: x}, model-family: y}] => not both",
                "rules: [{name: a, when: {model-family: x}}, {name: a, when: {model-family: y}}] => two rules are named a; allowed: unique names",
                "rules: [{name: a, name: b}] => line 1: Duplicate field 'name'",
                "rules: [ => line 1:",
            })
    void shouldNameThePlaceAndWhatIsAllowedWhenTheFileIsWrong(String yaml, String message) {
        assertThatThrownBy(() -> read(yaml.equals("''") ? "" : yaml))
                .isInstanceOf(ConfigurationException.class)
                .hasMessageStartingWith("setting study.rules: ")
                .hasMessageContaining(message);
    }

    @Test
    void shouldRefuseAFileThatIsNotThereOrTooLarge() throws IOException {
        Path large = Files.writeString(folder.resolve("large.yaml"), "#".repeat((1 << 20) + 1));

        assertThatThrownBy(() -> RuleFile.read(folder.resolve("absent.yaml"), GENERAL))
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("NoSuchFileException); allowed: a YAML file in UTF-8");
        assertThatThrownBy(() -> RuleFile.read(large, GENERAL))
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("allowed: a file of at most 1 MiB");
    }

    @Test
    void shouldRefuseWhatIsNoFileWithoutReadingIt() {
        for (Path endless : List.of(Path.of("/dev/zero"), Path.of("/"))) {
            assertThatThrownBy(() -> RuleFile.read(endless, GENERAL))
                    .isInstanceOf(ConfigurationException.class)
                    .hasMessageContaining("a folder, a device or a pipe; allowed: a file");
        }
    }

    @Test
    void shouldBeReadThroughTheSetting() throws Exception {
        Path file = Files.writeString(
                folder.resolve("rules.yaml"), "rules: [{name: a, when: {model-family: x}, timeout: 1h}]");

        RuleBook book = StudySettings.rules(Map.of(
                StudySettings.STUDY_RULES,
                file.toString(),
                StudySettings.STUDY_TIMEOUT,
                "3m",
                "bootstrap.servers",
                "x"));

        assertThat(book.general().timeout()).isEqualTo(Duration.ofMinutes(3));
        assertThat(book.special().get(0).rules().timeout()).isEqualTo(Duration.ofHours(1));
    }

    private RuleBook read(String yaml) throws Exception {
        return RuleFile.read(Files.writeString(folder.resolve("rules.yaml"), yaml), GENERAL);
    }
}
