package io.cloe.worker.inference;

/**
 * What the network says of one window, to be compared with what it says elsewhere.
 *
 * @param probabilities of each class and voxel, voxels fastest
 * @param scores weights, then both consistencies; empty where the graph computes none
 * @param nanos time inside ONNX Runtime alone
 */
record WindowAnswer(float[] probabilities, float[] scores, long nanos) {

    /** Largest difference of a probability; not a number if any is none. */
    double farthest(WindowAnswer other) {
        return farthest(probabilities, other.probabilities);
    }

    /** Largest difference of a weight or a consistency; not a number if any is none. */
    double farthestScore(WindowAnswer other) {
        return farthest(scores, other.scores);
    }

    private static double farthest(float[] ours, float[] theirs) {
        double most = 0;
        for (int i = 0; i < ours.length; i++) {
            most = Math.max(most, Math.abs((double) ours[i] - theirs[i])); // keeps what is not a number
        }
        return most;
    }

    /** Part of the voxels with the same most probable class. */
    double equalLabels(WindowAnswer other, int classes) {
        int voxels = probabilities.length / classes;
        int equal = 0;
        for (int voxel = 0; voxel < voxels; voxel++) {
            equal += label(probabilities, voxel, voxels) == label(other.probabilities, voxel, voxels) ? 1 : 0;
        }
        return (double) equal / voxels;
    }

    private static int label(float[] probabilities, int voxel, int voxels) {
        int best = 0;
        for (int at = voxel; at < probabilities.length; at += voxels) {
            best = probabilities[at] > probabilities[best * voxels + voxel] ? at / voxels : best;
        }
        return best;
    }
}
