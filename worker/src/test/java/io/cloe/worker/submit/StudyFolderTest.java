package io.cloe.worker.submit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StudyFolderTest {

    @TempDir
    Path folder;

    private void files(String study, String... names) throws IOException {
        Path home = Files.createDirectories(folder.resolve(study));
        for (String name : names) {
            Files.createFile(home.resolve(name));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "t1.nii.gz, T1",
        "T1CE.nii, T1CE",
        "flair.nii.gz, FLAIR",
        // BraTS 2020
        "BraTS20_Training_001_t1.nii.gz, T1",
        "BraTS20_Training_001_t1ce.nii.gz, T1CE",
        "BraTS20_Training_001_t2.nii, T2",
        "BraTS20_Training_001_flair.nii.gz, FLAIR",
        // BraTS 2021
        "BraTS2021_00000_t1ce.nii.gz, T1CE",
        "BraTS2021_00000_flair.nii.gz, FLAIR",
        // BraTS 2023 and later
        "BraTS-GLI-00000-000-t1n.nii.gz, T1",
        "BraTS-GLI-00000-000-t1c.nii.gz, T1CE",
        "BraTS-GLI-00000-000-t2w.nii.gz, T2",
        "BraTS-GLI-00000-000-t2f.nii.gz, FLAIR",
        // others
        "sub-01_T1w.post.t1post.nii.gz, T1CE",
        "patient adc.nii.gz, ADC"
    })
    void shouldFindTheModalityWhenTheNameTellsIt(String name, String modality) {
        assertThat(StudyFolder.modality(name)).contains(modality);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "BraTS20_Training_001_seg.nii.gz",
                "BraTS-GLI-00000-000-seg.nii.gz",
                "seg.nii",
                "t1_mask.nii.gz",
                "labels.nii.gz",
                "t1.txt",
                "t1.nii.gz.tmp",
                "t1",
                ".nii.gz",
                "._t1.nii.gz",
                ".t1.nii.gz",
                "report.pdf"
            })
    void shouldFindNothingWhenTheFileIsALabelOrNoVolume(String name) {
        assertThat(StudyFolder.modality(name)).isEqualTo(Optional.empty());
    }

    @Test
    void shouldFindEveryStudyInOrderWhenTheFolderHoldsFoldersOfThem() throws Exception {
        files("BraTS-GLI-2", "BraTS-GLI-2-t1n.nii.gz", "BraTS-GLI-2-seg.nii.gz");
        files("BraTS-GLI-1", "BraTS-GLI-1-t2f.nii.gz", "BraTS-GLI-1-t1c.nii.gz");
        files("no-study", "notes.txt");
        files("only-labels", "x_seg.nii.gz");
        Files.createDirectories(folder.resolve("folder.nii.gz"));

        var studies = StudyFolder.below(folder);

        assertThat(studies).extracting(StudyFolder::name).containsExactly("BraTS-GLI-1", "BraTS-GLI-2");
        assertThat(studies.get(0).volumes()).containsOnlyKeys("FLAIR", "T1CE");
        assertThat(studies.get(0).volumes().get("FLAIR"))
                .isEqualTo(folder.resolve("BraTS-GLI-1/BraTS-GLI-1-t2f.nii.gz"));
        assertThat(studies.get(1).volumes()).containsOnlyKeys("T1");
    }

    @Test
    void shouldTakeTheFolderItselfWhenItHoldsVolumes() throws Exception {
        files("study-7", "t1.nii.gz", "t2.nii");

        assertThat(StudyFolder.below(folder.resolve("study-7/../study-7")))
                .singleElement()
                .satisfies(study -> assertThat(study.name()).isEqualTo("study-7"))
                .satisfies(study -> assertThat(study.volumes().values()).allMatch(Path::isAbsolute));
    }

    @Test
    void shouldRefuseWhenTwoFilesNameTheSameModality() throws Exception {
        files("study", "BraTS-t1c.nii.gz", "t1ce.nii.gz");

        assertThatIOException()
                .isThrownBy(() -> StudyFolder.below(folder))
                .withMessage("two files for T1CE: BraTS-t1c.nii.gz and t1ce.nii.gz");
    }

    @Test
    void shouldRefuseWhenThereIsNoSuchFolder() {
        assertThatIOException()
                .isThrownBy(() -> StudyFolder.below(folder.resolve("missing")))
                .isInstanceOf(NoSuchFileException.class);
    }
}
