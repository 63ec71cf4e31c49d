package io.cloe.worker.execution;

import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.PreviousResult;
import io.cloe.schemas.RevisionChange;
import io.cloe.worker.bundle.ClassLabel;
import io.cloe.worker.bundle.ModelBundle;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Compares a result with the one that it supersedes. Plain functions. */
final class RevisionComparison {

    private RevisionComparison() {}

    /**
     * The change from one mask to another on the same grid.
     *
     * @param before labels of the superseded mask, one per voxel
     * @param after labels of the new mask
     */
    static RevisionChange between(
            ModelBundle bundle, PreviousResult previous, byte[] before, byte[] after, List<ModalityGating> gating) {
        Map<String, Double> dice = new TreeMap<>();
        bundle.regions().forEach((region, classes) -> dice.put(region, dice(before, after, labels(bundle, classes))));
        return new RevisionChange(dice, changedVoxels(before, after), weightChange(previous, gating));
    }

    private static BitSet labels(ModelBundle bundle, List<String> classes) {
        BitSet labels = new BitSet();
        for (ClassLabel label : bundle.classes()) {
            if (classes.contains(label.name())) {
                labels.set(label.label());
            }
        }
        return labels;
    }

    /** Dice overlap of a region; 1 when it is empty in both. */
    static double dice(byte[] before, byte[] after, BitSet region) {
        long both = 0;
        long sizes = 0;
        for (int voxel = 0; voxel < before.length; voxel++) {
            boolean was = region.get(Byte.toUnsignedInt(before[voxel]));
            boolean is = region.get(Byte.toUnsignedInt(after[voxel]));
            both += was && is ? 1 : 0;
            sizes += (was ? 1 : 0) + (is ? 1 : 0);
        }
        return sizes == 0 ? 1 : 2.0 * both / sizes;
    }

    private static long changedVoxels(byte[] before, byte[] after) {
        long changed = 0;
        for (int voxel = 0; voxel < before.length; voxel++) {
            changed += before[voxel] == after[voxel] ? 0 : 1;
        }
        return changed;
    }

    private static Map<String, Double> weightChange(PreviousResult previous, List<ModalityGating> gating) {
        Map<String, Double> now =
                gating.stream().collect(Collectors.toMap(ModalityGating::getModality, ModalityGating::getWeight));
        Map<String, Double> then = new HashMap<>(previous.getWeights());
        Set<String> modalities = new TreeSet<>(now.keySet());
        modalities.addAll(then.keySet());
        Map<String, Double> change = new TreeMap<>();
        for (String modality : modalities) {
            change.put(modality, now.getOrDefault(modality, 0.0) - then.getOrDefault(modality, 0.0));
        }
        return change;
    }
}
