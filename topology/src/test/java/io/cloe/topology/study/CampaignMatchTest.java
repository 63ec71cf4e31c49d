package io.cloe.topology.study;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.CampaignMode;
import io.cloe.schemas.CampaignOrder;
import io.cloe.schemas.CampaignOutput;
import io.cloe.schemas.CampaignSelection;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ReprocessCampaign;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class CampaignMatchTest {

    private static final Instant NOON = Instant.parse("2026-01-05T12:00:00Z");

    private final Study study = study("one", "1.9.0", List.of("SMALL_REGION"));

    @Test
    void shouldSelectAllOfTheFamilyWhenNothingIsAsked() {
        assertThat(selects(selection -> {})).isTrue();
        ReprocessCampaign ofAnother = ReprocessCampaign.newBuilder(campaign(selection -> {}))
                .setModel(new ModelReference("prostate", "cloe", "2.0.0", "def"))
                .build();
        assertThat(CampaignMatch.selects(ofAnother, study)).isFalse();
    }

    @Test
    void shouldSelectNoStudyThatHasNoResult() {
        Study waiting = new SegmentedStudy().scans(Fixtures.scan("one", "T1")).study();

        assertThat(CampaignMatch.selects(campaign(selection -> {}), waiting)).isFalse();
    }

    @Test
    void shouldSelectByStudyIdWhenIdsAreGiven() {
        assertThat(selects(selection -> selection.setStudyIds(List.of("zero", "one"))))
                .isTrue();
        assertThat(selects(selection -> selection.setStudyIds(List.of("zero")))).isFalse();
    }

    @Test
    void shouldSelectByTimeOfPublicationFromInclusiveToExclusive() {
        assertThat(selects(selection -> selection.setPublishedFrom(NOON))).isTrue();
        assertThat(selects(selection -> selection.setPublishedFrom(NOON.plusMillis(1))))
                .isFalse();
        assertThat(selects(selection -> selection.setPublishedBefore(NOON.plusMillis(1))))
                .isTrue();
        assertThat(selects(selection -> selection.setPublishedBefore(NOON))).isFalse();
    }

    @Test
    void shouldSelectResultsOfOlderModelsWithNumbersComparedAsNumbers() {
        assertThat(selects(selection -> selection.setOlderThan("1.10.0"))).isTrue();
        assertThat(selects(selection -> selection.setOlderThan("1.9.0"))).isFalse();
        assertThat(selects(selection -> selection.setOlderThan("1.8.99"))).isFalse();
    }

    @Test
    void shouldSelectByFlagOfTheResultAndBySiteOfTheEvents() {
        assertThat(selects(selection -> selection.setFlag("SMALL_REGION"))).isTrue();
        assertThat(selects(selection -> selection.setFlag("REGION_EMPTY"))).isFalse();
        assertThat(selects(selection -> selection.setSite("north"))).isTrue();
        assertThat(selects(selection -> selection.setSite("south"))).isFalse();
    }

    @Test
    void shouldAskForAllConditionsWhenSeveralAreGiven() {
        assertThat(selects(selection -> {
                    selection.setSite("north");
                    selection.setFlag("REGION_EMPTY");
                }))
                .isFalse();
    }

    @Property
    void shouldOrderVersionsConsistently(
            @ForAll @Size(3) List<@Size(min = 1, max = 4) List<@IntRange(max = 12) Integer>> versions) {
        String a = text(versions.get(0));
        String b = text(versions.get(1));
        String c = text(versions.get(2));

        assertThat(Integer.signum(CampaignMatch.BY_VERSION.compare(a, b)))
                .isEqualTo(-Integer.signum(CampaignMatch.BY_VERSION.compare(b, a)));
        if (CampaignMatch.BY_VERSION.compare(a, b) <= 0 && CampaignMatch.BY_VERSION.compare(b, c) <= 0) {
            assertThat(CampaignMatch.BY_VERSION.compare(a, c)).isNotPositive();
        }
    }

    private static String text(List<Integer> parts) {
        return String.join(".", parts.stream().map(String::valueOf).toList());
    }

    private boolean selects(Consumer<CampaignSelection.Builder> change) {
        return CampaignMatch.selects(campaign(change), study);
    }

    private static ReprocessCampaign campaign(Consumer<CampaignSelection.Builder> change) {
        CampaignSelection.Builder selection = CampaignSelection.newBuilder().setStudyIds(List.of());
        change.accept(selection);
        return ReprocessCampaign.newBuilder()
                .setCampaignId("c")
                .setOrder(CampaignOrder.RUN)
                .setModel(new ModelReference("brain-glioma", "cloe", "2.0.0", "def"))
                .setSelection(selection.build())
                .setMode(CampaignMode.AS_DECIDED)
                .setOutput(CampaignOutput.SHADOW)
                .setConcurrency(1)
                .setPartitions(1)
                .setCreatedAt(Fixtures.START)
                .build();
    }

    private static Study study(String id, String version, List<String> flags) {
        return new SegmentedStudy()
                .scans(Fixtures.event(id, "T1", 0)
                        .setExpectedModalities(List.of("T1"))
                        .setAttributes(Map.of("site", "north"))
                        .build())
                .result(NOON, outcome -> outcome.setFlags(flags)
                        .setModel(new ModelReference("brain-glioma", "cloe", version, "abc")))
                .study();
    }
}
