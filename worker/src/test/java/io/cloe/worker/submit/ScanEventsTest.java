package io.cloe.worker.submit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanOperation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScanEventsTest {

    private static final Instant NOW = Instant.parse("2026-01-05T08:00:00Z");

    @TempDir
    Path folder;

    private Path file;

    @BeforeEach
    void write() throws Exception {
        file = Files.writeString(folder.resolve("a study t1.nii.gz"), "abc");
    }

    private ScanEvent event(String study, String modality, int revision) throws Exception {
        return ScanEvents.available(study, modality, file, revision, NOW).build();
    }

    @Test
    void shouldAnnounceTheFileWithSizeAndDigestWhenItIsNew() throws Exception {
        ScanEvent event = event("study", "T1", 0);

        assertThat(event.getOperation()).isEqualTo(ScanOperation.AVAILABLE);
        assertThat(event.getStudyId()).isEqualTo("study");
        assertThat(event.getModality()).isEqualTo("T1");
        assertThat(event.getAvailableAt()).isEqualTo(NOW);
        assertThat(event.getVolume().getUri())
                .isEqualTo(file.toUri().toString())
                .contains("a%20study");
        assertThat(event.getVolume().getFormat()).isEqualTo("nifti");
        assertThat(event.getVolume().getSizeBytes()).isEqualTo(3);
        // The published SHA-256 example of "abc".
        assertThat(event.getVolume().getSha256())
                .isEqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    @Test
    void shouldReplaceWhenTheRevisionIsNotTheFirst() throws Exception {
        assertThat(event("study", "T1", 1).getOperation()).isEqualTo(ScanOperation.REPLACED);
    }

    @Test
    void shouldHaveTheSameIdOnlyWhenEverythingIsTheSame() throws Exception {
        String id = event("study", "T1", 0).getEventId();
        assertThat(event("study", "T1", 0).getEventId()).isEqualTo(id);
        assertThat(event("other", "T1", 0).getEventId()).isNotEqualTo(id);
        assertThat(event("study", "T2", 0).getEventId()).isNotEqualTo(id);
        assertThat(event("study", "T1", 1).getEventId()).isNotEqualTo(id);
        assertThat(ScanEvents.retracted("study", "T1", 0, NOW).build().getEventId())
                .isNotEqualTo(id);
        Files.writeString(file, "abd");
        assertThat(event("study", "T1", 0).getEventId()).isNotEqualTo(id);
    }

    @Test
    void shouldNameNoVolumeWhenAScanIsTakenBack() {
        ScanEvent event = ScanEvents.retracted("study", "T1", 2, NOW).build();

        assertThat(event.getOperation()).isEqualTo(ScanOperation.RETRACTED);
        assertThat(event.getScanRevision()).isEqualTo(2);
        assertThat(event.getVolume()).isNull();
    }

    @Test
    void shouldFailWhenTheFileCannotBeRead() throws Exception {
        Files.delete(file);

        assertThatIOException().isThrownBy(() -> event("study", "T1", 0));
    }
}
