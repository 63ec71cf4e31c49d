package io.cloe.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.worker.bundle.BundleFixture;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.GraphUse;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.SubsetGraph;
import io.cloe.worker.inference.EngineException.Kind;
import io.cloe.worker.volume.NormalisedCrop;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServableCropsTest {

    private static final EngineSettings SETTINGS = EngineSettings.defaults().withWholeCrop(false);

    private final ServableCrops plain = new ServableCrops(BundleFixture.openTiny(), SETTINGS, false);

    @Test
    void shouldRefuseWhenTheInputHasAnotherShape() {
        NormalisedCrop good = Crops.random(List.of("T1", "T2"), 8, 16, 24, 11);
        BitSet tooLong = new BitSet();
        tooLong.set(8 * 16 * 24);

        assertInvalid(Crops.random(List.of("T1"), 7, 16, 24, 1));
        assertInvalid(Crops.random(List.of("T1"), 8, 15, 24, 1));
        assertInvalid(Crops.random(List.of("T1"), 8, 16, 23, 1));
        assertInvalid(Crops.random(List.of(), 8, 16, 24, 1));
        assertInvalid(Crops.random(List.of("T2", "T1"), 8, 16, 24, 1));
        assertInvalid(Crops.random(List.of("T1", "T1"), 8, 16, 24, 1));
        assertInvalid(Crops.random(List.of("T1", "ADC"), 8, 16, 24, 1));
        assertInvalid(new NormalisedCrop(List.of("T1"), 8, 16, 24, good.channels(), good.brain()));
        assertInvalid(new NormalisedCrop(good.modalities(), 8, 16, 25, good.channels(), good.brain()));
        assertInvalid(new NormalisedCrop(good.modalities(), 8, 16, 24, good.channels(), tooLong));
    }

    @Test
    void shouldRefuseWithoutOverflowWhenTheSizesAreAbsurd() {
        NormalisedCrop absurd = new NormalisedCrop(
                List.of("T1"), Integer.MAX_VALUE, Integer.MAX_VALUE, Integer.MAX_VALUE, new float[1][0], new BitSet());

        assertThat(refusal(absurd)).isEqualTo(Kind.STUDY_TOO_LARGE);
    }

    @Test
    void shouldCountLabelsAndASlabUnlessTheCropIsOneWindow() {
        assertThat(plain.bytesNeeded(20, 20, 30)).isEqualTo(20 * 20 * 30 + 4L * 3 * 8 * 20 * 30);
        assertThat(plain.bytesNeeded(8, 16, 24)).isEqualTo(8 * 16 * 24);
    }

    @Test
    void shouldChooseTheGraphThatComputesConsistencyWhenAskedForAndThere() throws Exception {
        ServableCrops extra =
                new ServableCrops(BundleFixture.openTinyExtra(), SETTINGS.withPairConsistency(true), false);
        ServableCrops without = new ServableCrops(BundleFixture.openTiny(), SETTINGS.withPairConsistency(true), false);
        NormalisedCrop pair = Crops.random(List.of("T1", "T2"), 8, 16, 24, 1);

        assertThat(extra.require(pair).use()).isEqualTo(GraphUse.CONSISTENCY);
        assertThat(extra.require(Crops.random(List.of("T1"), 8, 16, 24, 1)).use())
                .isEqualTo(GraphUse.WINDOW);
        assertThat(without.require(pair).use()).isEqualTo(GraphUse.WINDOW);
    }

    @Test
    void shouldChooseAWholeCropGraphUnaskedOnlyWhenTheCropIsOneWindow() {
        ServableCrops unasked = new ServableCrops(BundleFixture.openTinyExtra(), SETTINGS, false);
        ServableCrops asked = new ServableCrops(BundleFixture.openTinyExtra(), SETTINGS.withWholeCrop(true), false);
        NormalisedCrop window = Crops.random(List.of("T1"), 8, 16, 24, 1);
        NormalisedCrop larger = Crops.random(List.of("T1"), 16, 17, 47, 1);
        NormalisedCrop between = Crops.random(List.of("T1"), 16, 16, 47, 1);

        assertThat(unasked.wholeCropGraph(window)).isPresent();
        assertThat(unasked.wholeCropGraph(larger)).isEmpty();
        assertThat(asked.wholeCropGraph(larger))
                .hasValueSatisfying(graph -> assertThat(graph.suits(16, 17, 47)).isTrue());
        assertThat(asked.wholeCropGraph(between)).as("fills less than half").isEmpty();
        assertThat(asked.wholeCropGraph(Crops.random(List.of("T1"), 17, 32, 48, 1)))
                .isEmpty();
    }

    @Test
    void shouldRunWindowsWhenAWholeCropWouldTakeMoreMemoryThanIsAllowed(@TempDir Path folder) throws Exception {
        Path large = BundleFixture.copy(BundleFixture.tinyExtra(), folder.resolve("large"));
        BundleFixture.editManifest(
                large, manifest -> manifest.get("extraGraphs").forEach(graph -> ((ObjectNode) graph)
                        .put("activationMib", graph.get("modalities").size() * 1_000)));
        ModelBundle bundle = BundleReader.open(large);
        NormalisedCrop one = Crops.random(List.of("T1"), 16, 17, 47, 1);
        NormalisedCrop two = Crops.random(List.of("T1", "T2"), 16, 17, 47, 1);
        EngineSettings limited = SETTINGS.withWholeCropBytes(OptionalLong.of(1_600L << 20));
        ServableCrops onCpu = new ServableCrops(bundle, limited, false);
        ServableCrops onGpu = new ServableCrops(bundle, limited, true);

        assertThat(onCpu.wholeCropGraph(one)).isPresent();
        assertThat(onCpu.wholeCropGraph(two)).isEmpty();
        assertThat(onCpu.tooLarge())
                .isNotEmpty()
                .allMatch(graph -> graph.modalities().size() > 1);
        assertThat(onCpu.wholeCropMode())
                .as("as of any worker that runs the same graphs")
                .isEqualTo("whole-crop-within-1500-MiB");
        assertThat(onGpu.wholeCropGraph(two)).isPresent();
        assertThat(onGpu.wholeCropMode()).isEqualTo("whole-crop");
        EngineSettings nothingLeft = SETTINGS.withWholeCropBytes(OptionalLong.of(0));
        assertThat(new ServableCrops(bundle, nothingLeft, false).wholeCropMode())
                .isEmpty();
        assertThat(new ServableCrops(bundle, nothingLeft, false).tooLarge())
                .as("said at start")
                .hasSizeGreaterThan(onCpu.tooLarge().size());
        assertThat(new ServableCrops(bundle, nothingLeft, true).wholeCropMode()).isEqualTo("whole-crop");
        assertThat(new ServableCrops(bundle, SETTINGS, true).wholeCropMode()).isEmpty();
    }

    @Test
    void shouldKnowASmallerWindowOnlyWhereTheBundleHasOne() {
        ServableCrops extra = new ServableCrops(BundleFixture.openTinyExtra(), SETTINGS, false);

        assertThat(extra.smallWindowGraph(List.of("FLAIR")))
                .map(SubsetGraph::use)
                .contains(GraphUse.SMALL_WINDOW);
        assertThat(plain.smallWindowGraph(List.of("FLAIR"))).isEmpty();
    }

    private void assertInvalid(NormalisedCrop crop) {
        assertThat(refusal(crop)).isEqualTo(Kind.INVALID_INPUT);
    }

    private Kind refusal(NormalisedCrop crop) {
        return catchThrowableOfType(EngineException.class, () -> plain.require(crop))
                .kind();
    }
}
