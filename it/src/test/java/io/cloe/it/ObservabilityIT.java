package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloe.it.tools.Repository;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Alert rules, their tests, their runbook and the dashboard; {@code AdminIT} compares them with what a worker measures. */
class ObservabilityIT {

    private static final Path FOLDER = Repository.root().resolve("deploy/observability");

    private static List<String> found(String file, String pattern) throws Exception {
        List<String> all = new ArrayList<>();
        Matcher matcher = Pattern.compile(pattern, Pattern.MULTILINE).matcher(Files.readString(FOLDER.resolve(file)));
        while (matcher.find()) {
            all.add(matcher.group(1));
        }
        return all;
    }

    private static void promtool(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of("promtool"));
        command.addAll(List.of(arguments));
        Process promtool = new ProcessBuilder(command)
                .directory(FOLDER.toFile())
                .redirectErrorStream(true)
                .start();
        String said = new String(promtool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(promtool.waitFor(5, TimeUnit.MINUTES)).isTrue();
        assertThat(promtool.exitValue()).as(said).isZero();
    }

    private static boolean hasPromtool() {
        return Stream.of(System.getenv("PATH").split(java.io.File.pathSeparator))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, "promtool")));
    }

    @Test
    void shouldFireWhenTheyShouldAndNotOtherwise() throws Exception {
        assumeTrue(hasPromtool(), "SKIPPED: no promtool here (Debian's package prometheus)");
        promtool("check", "rules", "alerts.yml");
        promtool("test", "rules", "alerts.test.yml");
    }

    @Test
    void shouldBeTestedAndExplainedWhenAnAlertIsAdded() throws Exception {
        List<String> alerts = found("alerts.yml", "- alert: (\\w+)");

        assertThat(alerts).hasSizeGreaterThan(5).doesNotHaveDuplicates();
        assertThat(Set.copyOf(found("alerts.test.yml", "alertname: (\\w+)")))
                .containsExactlyInAnyOrderElementsOf(alerts);
        assertThat(found("runbook.md", "^## (\\w+)$")).containsExactlyElementsOf(alerts);
        assertThat(found("alerts.yml", "runbook: \"runbook.md#(\\w+)\""))
                .containsExactlyElementsOf(alerts.stream()
                        .map(alert -> alert.toLowerCase(Locale.ROOT))
                        .toList());
    }

    @Test
    void shouldHavePanelsThatDoNotOverlapWhenTheDashboardIsImported() throws Exception {
        JsonNode dashboard =
                new ObjectMapper().readTree(FOLDER.resolve("dashboard.json").toFile());
        Set<Integer> ids = new TreeSet<>();
        Set<List<Integer>> cells = new java.util.HashSet<>();
        for (JsonNode panel : dashboard.get("panels")) {
            assertThat(ids.add(panel.get("id").asInt())).isTrue();
            assertThat(panel.at("/targets/0/expr").asText()).contains("job=\"cloe-worker\"");
            JsonNode place = panel.get("gridPos");
            for (int x = 0; x < place.get("w").asInt(); x++) {
                for (int y = 0; y < place.get("h").asInt(); y++) {
                    int column = place.get("x").asInt() + x;
                    assertThat(column).isLessThan(24);
                    assertThat(cells.add(List.of(column, place.get("y").asInt() + y)))
                            .isTrue();
                }
            }
        }
        assertThat(ids).hasSizeGreaterThan(10);
    }
}
