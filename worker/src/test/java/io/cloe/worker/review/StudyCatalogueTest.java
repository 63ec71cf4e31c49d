package io.cloe.worker.review;

import static io.cloe.worker.review.Studies.START;
import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.QaVerdict;
import io.cloe.schemas.StudyPhase;
import io.cloe.worker.review.StudyQuery.Order;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Test;

class StudyCatalogueTest {

    private static final List<String> ALL = List.of("T1", "T1CE", "T2", "FLAIR");
    private static final List<String> NO_CONTRAST = List.of("T1", "T2", "FLAIR");

    private final StudyCatalogue catalogue = new StudyCatalogue(100);

    private static StudyQuery all() {
        return query(Order.LOOK, 0, 100);
    }

    private static StudyQuery query(Order order, int offset, int limit) {
        return new StudyQuery(Optional.empty(), Optional.empty(), Optional.empty(), false, "", order, offset, limit);
    }

    private void result(String id, List<String> used, String... flags) {
        catalogue.accept(Studies.segmentation(id, 0, used, flags));
        catalogue.accept(Studies.weights(id, 0, used, 0.9));
        catalogue.accept(Studies.status(id, StudyPhase.SEGMENTED, START, used));
    }

    private List<String> ids(StudyQuery query) {
        return catalogue.list(query).rows().stream().map(StudyRow::studyId).toList();
    }

    @Test
    void shouldListTheMostUrgentFirstWhenAskedWhatNeedsALook() {
        result("good", ALL);
        result("small", ALL, "SMALL_REGION");
        result("implausible", ALL, "VOLUME_IMPLAUSIBLE", "DEMONSTRATION_MODEL");
        result("incomplete", NO_CONTRAST);
        catalogue.accept(Studies.status("failed", StudyPhase.FAILED, START, List.of()));

        assertThat(ids(all())).containsExactly("failed", "implausible", "small", "incomplete", "good");
    }

    @Test
    void shouldNameEnhancingTumourWhenTheContrastThatShowsItIsMissing() {
        catalogue.accept(
                Studies.withVolumes(Studies.segmentation("study", 0, NO_CONTRAST), Map.of("WT", 50.0, "ET", 3.0)));

        assertThat(catalogue.list(all()).rows().get(0).look())
                .contains(LookReason.ENHANCING_WITHOUT_T1CE, LookReason.INCOMPLETE);
    }

    @Test
    void shouldNameTheChangeWhenARevisionDiffersByMoreThanATenth() {
        catalogue.accept(Studies.withVolumes(Studies.segmentation("little", 0, ALL), Map.of("WT", 50.0)));
        catalogue.accept(Studies.withVolumes(Studies.segmentation("little", 1, ALL), Map.of("WT", 54.0)));
        catalogue.accept(Studies.withVolumes(Studies.segmentation("much", 0, ALL), Map.of("WT", 50.0)));
        catalogue.accept(Studies.withVolumes(Studies.segmentation("much", 1, ALL), Map.of("WT", 40.0)));

        assertThat(catalogue.find("little").orElseThrow().row().look()).isEmpty();
        assertThat(catalogue.find("much").orElseThrow().row().look()).containsExactly(LookReason.REVISION_CHANGED);
    }

    @Test
    void shouldBeSettledWhenAVerdictIsGivenAndOpenAgainWhenARevisionFollows() {
        result("study", ALL, "LOW_CONSISTENCY");
        catalogue.accept(Studies.feedback("study", 0, QaVerdict.ACCEPT, null));
        assertThat(catalogue.list(all()).rows().get(0).urgency()).isZero();
        assertThat(catalogue.list(all()).look()).isEmpty();

        catalogue.accept(Studies.segmentation("study", 1, ALL, "LOW_CONSISTENCY"));

        StudyRow row = catalogue.list(all()).rows().get(0);
        assertThat(row.urgency()).isEqualTo(LookReason.LOW_CONSISTENCY.urgency());
        assertThat(row.verdict()).isEmpty();
    }

    @Test
    void shouldShowTheSameWhenTopicsAreReadInAnyOrderAndTwice() {
        List<SpecificRecord> records = new ArrayList<>(List.of(
                Studies.scan("study", "T1", "file:///a"),
                Studies.segmentation("study", 0, ALL),
                Studies.weights("study", 0, ALL, 0.8),
                Studies.feedback("study", 0, QaVerdict.REJECT, "wrong side"),
                Studies.status("study", StudyPhase.SEGMENTED, START, ALL)));
        records.forEach(catalogue::accept);
        StudyDetail expected = catalogue.find("study").orElseThrow();
        records.addAll(List.copyOf(records));
        for (int seed = 0; seed < 20; seed++) {
            Collections.shuffle(records, new Random(seed));
            StudyCatalogue other = new StudyCatalogue(10);
            records.forEach(other::accept);
            assertThat(other.find("study")).contains(expected);
        }
    }

    @Test
    void shouldForgetTheStudyThatChangedLongestAgoWhenFull() {
        StudyCatalogue small = new StudyCatalogue(3);
        for (String id : List.of("a", "b", "c")) {
            small.accept(Studies.segmentation(id, 0, ALL));
        }
        small.accept(Studies.weights("a", 0, ALL, 0.9));
        small.accept(Studies.segmentation("d", 0, ALL));

        assertThat(small.list(query(Order.STUDY, 0, 10)).rows())
                .extracting(StudyRow::studyId)
                .containsExactly("a", "c", "d");
    }

    @Test
    void shouldNotTellWhereAVolumeLiesWhenItWasRetractedEvenIfItsEventComesAgain() {
        catalogue.accept(Studies.scan("study", "T1", "file:///a"));
        catalogue.accept(Studies.scan("study", "T2", "file:///b"));
        catalogue.accept(Studies.retraction("study", "T1"));
        catalogue.accept(Studies.scan("study", "T1", "file:///a"));

        assertThat(catalogue.find("study").orElseThrow().volumes()).containsOnlyKeys(Studies.event("study", "T2"));
    }

    @Test
    void shouldGiveEveryStudyOnceWhenPagesFollowEachOther() {
        for (int i = 0; i < 95; i++) {
            result("study-" + i, i % 3 == 0 ? NO_CONTRAST : ALL);
        }
        List<String> seen = new ArrayList<>();
        for (int offset = 0; offset < 95; offset += 10) {
            seen.addAll(ids(query(Order.LOOK, offset, 10)));
        }
        assertThat(seen).hasSize(95).doesNotHaveDuplicates();
        assertThat(ids(query(Order.LOOK, 500, 10))).isEmpty();
    }

    @Test
    void shouldGiveOnlyWhatFitsWhenFiltered() {
        result("Alpha", NO_CONTRAST);
        result("beta", ALL, "LOW_CONSISTENCY");
        catalogue.accept(Studies.feedback("beta", 0, QaVerdict.ACCEPT, null));

        assertThat(ids(new StudyQuery(
                        Optional.empty(), Optional.empty(), Optional.of("T1CE"), false, "", Order.LOOK, 0, 9)))
                .containsExactly("Alpha");
        assertThat(ids(new StudyQuery(
                        Optional.empty(), Optional.empty(), Optional.empty(), true, "", Order.LOOK, 0, 9)))
                .containsExactly("Alpha");
        assertThat(ids(new StudyQuery(
                        Optional.empty(),
                        Optional.of(LookReason.LOW_CONSISTENCY),
                        Optional.empty(),
                        false,
                        "",
                        Order.LOOK,
                        0,
                        9)))
                .containsExactly("beta");
        assertThat(ids(new StudyQuery(
                        Optional.empty(), Optional.empty(), Optional.empty(), false, "LPH", Order.LOOK, 0, 9)))
                .containsExactly("Alpha");
        assertThat(ids(new StudyQuery(
                        Optional.of(StudyPhase.FAILED),
                        Optional.empty(),
                        Optional.empty(),
                        false,
                        "",
                        Order.LOOK,
                        0,
                        9)))
                .isEmpty();
    }

    @Test
    void shouldDrawBandsFromTheLastRevisionsWhenAskedWhereConsistencyUsuallyLies() {
        for (int i = 0; i <= 100; i++) {
            catalogue.accept(Studies.segmentation("study-" + i, 0, ALL));
            catalogue.accept(Studies.weights("study-" + i, 0, ALL, i / 100.0));
        }
        StudyCatalogue whole = new StudyCatalogue(200);
        for (int i = 0; i <= 100; i++) {
            whole.accept(Studies.segmentation("study-" + i, 0, ALL));
            whole.accept(Studies.weights("study-" + i, 0, ALL, i / 100.0));
        }

        Band band = whole.consistencyBands("brain-glioma").get("T1").get("global");

        assertThat(band.studies()).isEqualTo(101);
        assertThat(band.low()).isCloseTo(0.05, org.assertj.core.data.Offset.offset(1e-9));
        assertThat(band.median()).isCloseTo(0.5, org.assertj.core.data.Offset.offset(1e-9));
        assertThat(band.high()).isCloseTo(0.95, org.assertj.core.data.Offset.offset(1e-9));
        assertThat(catalogue
                        .consistencyBands("brain-glioma")
                        .get("T1")
                        .get("global")
                        .studies())
                .as("only those that are remembered")
                .isEqualTo(100);
        assertThat(whole.consistencyBands("another")).isEmpty();
    }
}
