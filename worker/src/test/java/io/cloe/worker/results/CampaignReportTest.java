package io.cloe.worker.results;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.RevisionChange;
import io.cloe.schemas.Trigger;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

class CampaignReportTest {

    private static final String PAGE = "http://127.0.0.1:8080/";

    static {
        Results.trustRecords();
    }

    private final List<ModelComparison> three = List.of(
            comparison("same", 1.0, true, List.of(), List.of("SMALL_REGION")),
            comparison("near", 0.9, false, List.of(), List.of()),
            comparison("far off/1", 0.2, false, List.of("REGION_EMPTY"), List.of()));

    @Test
    void shouldSumUpDiceVolumesDriftTimesAndFlags() {
        String report = CampaignReport.text(three, "");

        assertThat(report)
                .contains("m 2.0.0 compared with m 1.0.0")
                .contains("3 studies compared, 1 with the same mask byte for byte")
                .containsPattern("WT +3 +0\\.700 +0\\.900 +0\\.200 +\\+0\\.50 +\\+0\\.50")
                .containsPattern("T1 +-0\\.1000 +-0\\.1000 +\\+0\\.0500 +\\+0\\.0500")
                .contains("time on a device, ms (median): before 40, after 50")
                .contains("flag raised REGION_EMPTY 1")
                .contains("flag cleared SMALL_REGION 1");
    }

    @Test
    void shouldLinkTheStudiesThatChangedMostToThePageTheMostChangedFirst() {
        List<String> lines = CampaignReport.text(three, PAGE).lines().toList();
        int changed = lines.indexOf("changed most (lowest Dice of a region):");

        assertThat(lines.get(changed + 1)).isEqualTo("  0.200  far off/1  http://127.0.0.1:8080/#far%20off%2F1");
        assertThat(lines.get(changed + 2)).isEqualTo("  0.900  near  http://127.0.0.1:8080/#near");
        assertThat(lines).hasSize(changed + 3);
    }

    @Test
    void shouldNameNoStudyWhenNoneChanged() {
        assertThat(CampaignReport.text(three.subList(0, 1), PAGE))
                .contains("no study changed")
                .doesNotContain("#same");
    }

    @Test
    void shouldShowChangesThatCancelEachOtherOut() {
        List<ModelComparison> both = List.of(drifted(-0.3), drifted(0.2));

        assertThat(CampaignReport.text(both, "")).containsPattern("T1 +-0\\.0500 +-0\\.3000 ");
        assertThat(CampaignReport.json(both, "")
                        .at("/largestConsistencyChange/T1")
                        .asDouble())
                .isEqualTo(-0.3);
    }

    @Test
    void shouldSayHowManyUsedOtherScans() {
        ModelComparison other =
                ModelComparison.newBuilder(three.get(1)).setSameScans(false).build();

        assertThat(CampaignReport.text(List.of(three.get(0), other), ""))
                .contains("1 study with other scans than their former result");
    }

    @Test
    void shouldNameTwentyStudiesWhenMoreChanged() {
        List<ModelComparison> many = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            many.add(comparison("study-" + i, i / 30.0, false, List.of(), List.of()));
        }

        assertThat(CampaignReport.json(many, PAGE).get("changedMost")).hasSize(20);
        assertThat(CampaignReport.text(many, PAGE)).contains("study-19 ").doesNotContain("study-20");
    }

    @Test
    void shouldSayTheSameInJson() {
        ObjectNode report = CampaignReport.json(three, PAGE);

        assertThat(report.get("studies").asInt()).isEqualTo(3);
        assertThat(report.at("/regions/WT/median").asDouble()).isEqualTo(0.9);
        assertThat(report.at("/changedMost/0/studyId").asText()).isEqualTo("far off/1");
        assertThat(report.at("/flagsCleared/SMALL_REGION").asInt()).isEqualTo(1);
        assertThat(report.get("inferenceMsAfter").asDouble()).isEqualTo(50);
    }

    @Test
    void shouldSayWhenMasksCannotBeCompared() {
        ModelComparison blind =
                ModelComparison.newBuilder(three.get(0)).setChange(null).build();

        assertThat(CampaignReport.text(List.of(blind), PAGE)).contains("1 study whose masks cannot be compared");
        assertThat(CampaignReport.json(List.of(blind), PAGE).get("changedMost")).isEmpty();
    }

    @Test
    void shouldDrawEachStudyOnceInAWellFormedPicture() throws Exception {
        Document picture = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new ByteArrayInputStream(CampaignPicture.svg(three).getBytes(StandardCharsets.UTF_8)));
        int drawn = 0;
        List<String> texts = new ArrayList<>();
        NodeList nodes = picture.getElementsByTagName("text");
        for (int i = 0; i < nodes.getLength(); i++) {
            Element text = (Element) nodes.item(i);
            if (text.getAttribute("class").equals("studies")) {
                drawn += Integer.parseInt(text.getTextContent());
            } else {
                texts.add(text.getTextContent());
            }
        }

        assertThat(drawn).isEqualTo(3);
        assertThat(texts).contains("WT", "m 2.0.0 compared with m 1.0.0, Dice, 3 studies");
    }

    private static ModelComparison drifted(double consistency) {
        return ModelComparison.newBuilder(comparison("s" + consistency, 0.9, false, List.of(), List.of()))
                .setConsistencyChange(Map.of("T1", consistency))
                .build();
    }

    private static ModelComparison comparison(
            String study, double dice, boolean same, List<String> raised, List<String> cleared) {
        return ModelComparison.newBuilder()
                .setCampaignId("c")
                .setStudyId(study)
                .setRevision(0)
                .setDecision(Trigger.COMPLETE)
                .setUsed(List.of())
                .setSameScans(true)
                .setBefore(new ModelReference("f", "m", "1.0.0", "a"))
                .setAfter(new ModelReference("f", "m", "2.0.0", "b"))
                .setMaskBefore(mask())
                .setMaskAfter(mask())
                .setSameMask(same)
                .setChange(new RevisionChange(Map.of("WT", dice), 1L, Map.of("T1", 0.05)))
                .setVolumesMlBefore(Map.of("WT", 10.0))
                .setVolumesMlAfter(Map.of("WT", 10.5))
                .setConsistencyChange(Map.of("T1", -0.1))
                .setFlagsRaised(raised)
                .setFlagsCleared(cleared)
                .setTimingsMsBefore(Map.of("infer", 40L))
                .setTimingsMsAfter(Map.of("infer", 50L))
                .setComparedAt(Instant.EPOCH)
                .build();
    }

    private static MaskReference mask() {
        return MaskReference.newBuilder()
                .setUri("file:///m")
                .setSha256("00")
                .setSizeBytes(1)
                .setLabelScheme("l")
                .setDims(List.of(1, 1, 1))
                .setAffine(List.of())
                .build();
    }
}
