package io.cloe.worker.results;

import static io.cloe.worker.results.Results.gating;
import static io.cloe.worker.results.Results.segmentation;
import static io.cloe.worker.results.Results.weights;
import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.Segmentation;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ResultTableTest {

    private static String row(ModalityGating... modalities) {
        return ResultTable.row(segmentation("study-1", 2), weights("study-1", 2, modalities));
    }

    private static String[] cells(String row) {
        return row.strip().split(" {2,}");
    }

    @Test
    void shouldShowEverythingOnOneLineWhenAResultIsWhole() {
        String row =
                row(gating("T1", 0.4, 0.91, 0.82), gating("T1CE", 0.35, -0.1, 0.5), gating("FLAIR", 0.25, 1.0, 1.0));

        assertThat(row).endsWith(System.lineSeparator());
        assertThat(row.lines()).hasSize(1);
        // The revision is right-aligned beside the study.
        assertThat(cells(row))
                .containsExactly(
                        "study-1",
                        "2",
                        "DEADLINE",
                        "T1 FLAIR",
                        "T2",
                        "T1 0.40 T1CE 0.35 FLAIR 0.25",
                        "T1 0.91/0.82 T1CE -0.10/0.50 FLAIR 1.00/1.00",
                        "12.3 / - / 0.0",
                        "2.3");
    }

    @Test
    void shouldShowADashWhenConsistencyIsUndefined() {
        assertThat(cells(row(gating("T1", 1, null, null)))[6]).isEqualTo("-");
        assertThat(cells(row(gating("T1", 0.5, null, null), gating("T2", 0.5, null, null)))[6])
                .isEqualTo("-");
    }

    @Test
    void shouldShowTheScoreThatThereIsWhenTheOtherIsUndefined() {
        assertThat(cells(row(gating("T1", 1, 0.5, null)))[6]).isEqualTo("T1 0.50/-");
        assertThat(cells(row(gating("T1", 1, null, 0.5)))[6]).isEqualTo("T1 -/0.50");
    }

    @Test
    void shouldShowADashWhenNothingIsMissing() {
        Segmentation whole = segmentation("study-1", 0);
        Segmentation nothingMissing = Segmentation.newBuilder()
                .setStudyId("s")
                .setRevision(0)
                .setTrigger(whole.getTrigger())
                .setUsed(whole.getUsed())
                .setMissing(List.of())
                .setModel(whole.getModel())
                .setMask(whole.getMask())
                .setVolumesMl(Map.of())
                .setFlags(List.of())
                .setTimingsMs(Map.of())
                .setInputDigest("d")
                .setOpenedAt(whole.getOpenedAt())
                .setQueuedAt(whole.getQueuedAt())
                .setFinishedAt(whole.getFinishedAt())
                .build();

        String[] cells = cells(ResultTable.row(nothingMissing, weights("s", 0, gating("T1", 1, null, null))));
        assertThat(cells[4]).isEqualTo("-");
        assertThat(cells[7]).isEqualTo("- / - / -");
        assertThat(cells[8]).isEqualTo("0.0");
    }

    @Test
    void shouldWriteDecimalPointsWhenTheMachineSpeaksAnotherLanguage() {
        Locale before = Locale.getDefault();
        try {
            Locale.setDefault(Locale.GERMANY);
            assertThat(row(gating("T1", 0.5, 0.5, 0.5))).contains("T1 0.50", "0.50/0.50", "12.3 / - / 0.0", "2.3");
        } finally {
            Locale.setDefault(before);
        }
    }

    @Test
    void shouldStandAboveItsColumnsWhenTheHeaderIsPrinted() {
        String header = ResultTable.header();
        String row = row(gating("T1", 1, null, null));

        assertThat(header.indexOf("trigger")).isEqualTo(row.indexOf("DEADLINE"));
        assertThat(header.indexOf("weights")).isEqualTo(row.indexOf("T1 1.00"));
        assertThat(header.indexOf("WT/TC/ET")).isEqualTo(row.indexOf("12.3"));
    }
}
