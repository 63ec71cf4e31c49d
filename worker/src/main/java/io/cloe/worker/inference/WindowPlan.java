package io.cloe.worker.inference;

import io.cloe.worker.bundle.WindowShape;
import java.util.ArrayList;
import java.util.List;

/** Where the windows of a crop start. */
final class WindowPlan {

    private final int[] depthStarts;
    private final int[] heightStarts;
    private final int[] widthStarts;

    private WindowPlan(int[] depthStarts, int[] heightStarts, int[] widthStarts) {
        this.depthStarts = depthStarts;
        this.heightStarts = heightStarts;
        this.widthStarts = widthStarts;
    }

    static WindowPlan of(WindowShape window, double overlap, int depth, int height, int width) {
        return new WindowPlan(
                starts(depth, window.depth(), overlap),
                starts(height, window.height(), overlap),
                starts(width, window.width(), overlap));
    }

    /**
     * Starts along one axis: 0, s, 2s, ... while a window from there leaves voxels behind it, and the last window flush with the end.
     *
     * @param size voxels of the crop, at least {@code window}
     */
    static int[] starts(int size, int window, double overlap) {
        // A stride of 0 would never arrive; bundles with such an overlap are refused, this keeps the function total.
        int stride = Math.max(1, (int) Math.floor(window * (1 - overlap)));
        List<Integer> starts = new ArrayList<>();
        for (int start = 0; start + window < size; start += stride) {
            starts.add(start);
        }
        starts.add(size - window);
        return starts.stream().mapToInt(Integer::intValue).toArray();
    }

    int windows() {
        return Math.multiplyExact(Math.multiplyExact(depthStarts.length, heightStarts.length), widthStarts.length);
    }

    int[] depthStarts() {
        return depthStarts;
    }

    int[] heightStarts() {
        return heightStarts;
    }

    int[] widthStarts() {
        return widthStarts;
    }
}
