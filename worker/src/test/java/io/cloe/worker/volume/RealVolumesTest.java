package io.cloe.worker.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.cloe.schemas.VolumeReference;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Real cases beside the repository; expected numbers are those of the data's own README. BraTS 2021 training data (CC BY
 * 4.0): U. Baid et al., arXiv:2107.02314.
 */
class RealVolumesTest {
    private static final List<String> MODALITIES = List.of("t1", "t1ce", "t2", "flair");
    private static final int MAX_VOXELS = 1 << 26;

    private final Path folder = SharedData.folder("glioma").toAbsolutePath().normalize();
    private final VolumeSource source = new FileVolumeSource(List.of(folder), new NiftiReader(MAX_VOXELS));

    private LoadedVolume load(String number, String name) throws VolumeException {
        Path file = folder.resolve("BraTS2021_" + number).resolve(name + ".nii.gz");
        return source.load(new VolumeReference(file.toUri().toString(), "nifti", null, null));
    }

    @ParameterizedTest
    @CsvSource({
        "00006, 134x177x136, e1f8f3407438, 0082a0f11379, dec82e96adab, 10884d5c5773, 25506, 85957, 26448, 137.9",
        "00495, 133x174x137, d5f4fbe19a2f, 5b29c167b03c, 8ff602f806a0, c48e10e37713, 20808, 46447, 32047, 99.3",
        "01479, 136x161x139, 4fe348ba5b75, 947b7d02c8d9, d33a6da98120, aa137c6c2947, 93298, 7407, 89546, 190.3",
        "01480, 135x165x131, 51804974081b, ddb745a9efde, a004bb7973cc, 3114f628ec84, 10557, 24143, 0, 34.7"
    })
    void shouldFindWhatTheReadmeSaysWhenReadingARealCase(
            String number,
            String box,
            String t1,
            String t1ce,
            String t2,
            String flair,
            long necrosis,
            long oedema,
            long enhancing,
            double wholeTumourMl)
            throws Exception {
        var digests = List.of(t1, t1ce, t2, flair);
        var study = new LinkedHashMap<String, Volume>();
        for (int i = 0; i < 4; i++) {
            LoadedVolume loaded = load(number, MODALITIES.get(i));
            assertThat(loaded.sha256()).startsWith(digests.get(i));
            study.put(MODALITIES.get(i), loaded.volume());
        }
        Volume labels = load(number, "seg").volume();
        var grids = study.entrySet().stream()
                .collect(Collectors.toMap(
                        entry -> entry.getKey(), entry -> entry.getValue().grid()));
        grids.put("seg", labels.grid());
        assertThat(GeometryCheck.mismatched(grids)).isEmpty();
        assertThat(labels.grid().orientation()).isEqualTo("LPS");
        assertThat(labels.grid().dims()).containsExactly(240, 240, 155);
        assertThat(labels.grid().spacingMm()).containsExactly(new double[] {1, 1, 1}, within(1e-6));

        long[] counts = new long[5];
        for (float label : labels.voxels()) {
            counts[Math.round(label)]++;
        }
        long wholeTumour = necrosis + oedema + enhancing;
        assertThat(counts).containsExactly(8_928_000 - wholeTumour, necrosis, oedema, 0, enhancing);
        assertThat(wholeTumour * labels.grid().voxelVolumeMl()).isCloseTo(wholeTumourMl, within(0.05));

        NormalisedCrop crop = new StudyPreprocessor(new PreprocessorSettings("LPS", 96, 96, 96, 5, MAX_VOXELS))
                .prepare(study)
                .crop();
        assertThat(crop.width() + "x" + crop.height() + "x" + crop.depth()).isEqualTo(box);
    }
}
