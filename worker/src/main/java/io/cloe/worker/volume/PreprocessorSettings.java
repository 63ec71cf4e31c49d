package io.cloe.worker.volume;

/**
 * What preprocessing must know of a model; all but the limit is in its bundle's manifest.
 *
 * @param orientation storage order that the model was trained on, e.g. "LPS"
 * @param windowDepth least voxels of a crop along z; at least 1, as the other two
 * @param windowHeight least voxels of a crop along y
 * @param windowWidth least voxels of a crop along x
 * @param clip z-scores are cut to {@code [-clip, clip]}; positive
 * @param maxVoxels crops with more voxels are refused; at least 1
 */
public record PreprocessorSettings(
        String orientation, int windowDepth, int windowHeight, int windowWidth, double clip, int maxVoxels) {

    /** @throws IllegalArgumentException if a value is out of its range */
    public PreprocessorSettings {
        Orientation.parse(orientation);
        if (windowDepth < 1 || windowHeight < 1 || windowWidth < 1) {
            throw new IllegalArgumentException("a window has at least one voxel along each axis");
        }
        if (!(clip > 0)) {
            throw new IllegalArgumentException("clip must be positive");
        }
        if (maxVoxels < 1) {
            throw new IllegalArgumentException("the limit of voxels must be positive");
        }
    }
}
