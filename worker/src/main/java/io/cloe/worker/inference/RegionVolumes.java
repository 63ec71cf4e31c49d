package io.cloe.worker.inference;

import io.cloe.worker.bundle.ClassLabel;
import io.cloe.worker.bundle.ModelBundle;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How large everything found is, in millilitres.
 *
 * @param regions by the bundle's region names, in its order
 * @param classes by class name without the background, in the bundle's order
 * @param foreground all classes but the background together
 */
public record RegionVolumes(Map<String, Double> regions, Map<String, Double> classes, double foreground) {

    private static final double CUBIC_MILLIMETRES_PER_MILLILITRE = 1000;

    public RegionVolumes {
        regions = Collections.unmodifiableMap(new LinkedHashMap<>(regions));
        classes = Collections.unmodifiableMap(new LinkedHashMap<>(classes));
    }

    /**
     * @param voxelsPerClass voxels of each class by its index
     * @param voxelCubicMillimetres volume of one voxel
     */
    public static RegionVolumes of(ModelBundle bundle, long[] voxelsPerClass, double voxelCubicMillimetres) {
        Map<String, Long> counts = new LinkedHashMap<>();
        for (ClassLabel label : bundle.classes().subList(1, bundle.classes().size())) {
            counts.put(label.name(), voxelsPerClass[label.index()]);
        }
        // Counts are added up before they become millilitres, so that a region is exactly the sum of its voxels.
        Map<String, Double> classes = new LinkedHashMap<>();
        counts.forEach((name, voxels) -> classes.put(name, millilitres(voxels, voxelCubicMillimetres)));
        Map<String, Double> regions = new LinkedHashMap<>();
        bundle.regions()
                .forEach((name, members) -> regions.put(
                        name,
                        millilitres(members.stream().mapToLong(counts::get).sum(), voxelCubicMillimetres)));
        long all = counts.values().stream().mapToLong(Long::longValue).sum();
        return new RegionVolumes(regions, classes, millilitres(all, voxelCubicMillimetres));
    }

    private static double millilitres(long voxels, double voxelCubicMillimetres) {
        return voxels * voxelCubicMillimetres / CUBIC_MILLIMETRES_PER_MILLILITRE;
    }
}
