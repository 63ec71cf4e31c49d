package io.cloe.worker.inference.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.cloe.worker.inference.CropSegmentation;
import io.cloe.worker.inference.Estimate;
import io.cloe.worker.inference.ModalityTrust;
import io.cloe.worker.volume.NormalisedCrop;
import java.nio.ByteBuffer;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * A crop and its segmentation as named arrays.
 *
 * <p>In: one float32 array {@code [z, y, x]} per modality, named by it, and {@code brain}, uint8 {@code [z, y, x]}, 0 or 1. Out:
 * {@code classes}, uint8 {@code [z, y, x]}; {@code weights}, {@code consistency_global} and {@code consistency_regional}, float64
 * {@code [2, modalities]} with the means and then the spreads, not a number where undefined, as all weights of a model without a gate; {@code run}, int64 with 1 if the gate acted,
 * the number of windows, and the nanoseconds inside ONNX Runtime.
 */
final class CropArrays {

    private static final String BRAIN = "brain";
    private static final String CLASSES = "classes";
    private static final String WEIGHTS = "weights";
    private static final String CONSISTENCY_GLOBAL = "consistency_global";
    private static final String CONSISTENCY_REGIONAL = "consistency_regional";
    private static final String RUN = "run";
    private static final Estimate UNDEFINED = new Estimate(Double.NaN, Double.NaN);

    private CropArrays() {}

    static NDList ofCrop(NDManager manager, NormalisedCrop crop) {
        Shape shape = new Shape(crop.depth(), crop.height(), crop.width());
        NDList arrays = new NDList();
        for (int m = 0; m < crop.modalities().size(); m++) {
            FloatBuffer channel = FloatBuffer.wrap(crop.channels()[m]);
            arrays.add(named(
                    manager.create(channel, shape, DataType.FLOAT32),
                    crop.modalities().get(m)));
        }
        byte[] brain = new byte[crop.voxels()];
        crop.brain().stream().forEach(voxel -> brain[voxel] = 1);
        arrays.add(named(manager.create(ByteBuffer.wrap(brain), shape, DataType.UINT8), BRAIN));
        return arrays;
    }

    static NormalisedCrop toCrop(NDList arrays) {
        NDArray brain = arrays.get(BRAIN);
        Shape shape = brain.getShape();
        if (shape.dimension() != 3) {
            throw new IllegalArgumentException("array 'brain' must be [z, y, x], is " + shape);
        }
        List<String> modalities = new ArrayList<>();
        List<float[]> channels = new ArrayList<>();
        for (NDArray array : arrays) {
            if (!BRAIN.equals(array.getName())) {
                if (!array.getShape().equals(shape)) {
                    throw new IllegalArgumentException(
                            "array '" + array.getName() + "' must be " + shape + ", is " + array.getShape());
                }
                modalities.add(array.getName());
                channels.add(array.toFloatArray());
            }
        }
        BitSet mask = new BitSet();
        ByteBuffer voxels = brain.toByteBuffer();
        for (int i = 0; voxels.hasRemaining(); i++) {
            mask.set(i, voxels.get() != 0);
        }
        return new NormalisedCrop(
                modalities,
                Math.toIntExact(shape.get(0)),
                Math.toIntExact(shape.get(1)),
                Math.toIntExact(shape.get(2)),
                channels.toArray(float[][]::new),
                mask);
    }

    static NDList ofSegmentation(NDManager manager, NormalisedCrop crop, CropSegmentation segmentation) {
        Shape shape = new Shape(crop.depth(), crop.height(), crop.width());
        List<ModalityTrust> trust = segmentation.trust();
        int count = crop.modalities().size();
        long[] run = {
            segmentation.gateActed() ? 1 : 0,
            segmentation.tiling().ordinal(),
            segmentation.windows(),
            segmentation.sessionNanos()
        };
        return new NDList(
                named(manager.create(ByteBuffer.wrap(segmentation.classIndices()), shape, DataType.UINT8), CLASSES),
                estimates(manager, WEIGHTS, trust, count, ModalityTrust::weight),
                estimates(manager, CONSISTENCY_GLOBAL, trust, count, t -> t.globalConsistency()
                        .orElse(UNDEFINED)),
                estimates(manager, CONSISTENCY_REGIONAL, trust, count, t -> t.regionalConsistency()
                        .orElse(UNDEFINED)),
                named(manager.create(LongBuffer.wrap(run), new Shape(run.length), DataType.INT64), RUN));
    }

    static CropSegmentation toSegmentation(NDList arrays, List<String> modalities) {
        ByteBuffer voxels = arrays.get(CLASSES).toByteBuffer();
        byte[] classes = new byte[voxels.remaining()];
        voxels.get(classes);
        double[] weights = arrays.get(WEIGHTS).toDoubleArray();
        double[] global = arrays.get(CONSISTENCY_GLOBAL).toDoubleArray();
        double[] regional = arrays.get(CONSISTENCY_REGIONAL).toDoubleArray();
        List<ModalityTrust> trust = new ArrayList<>();
        for (int m = 0; m < modalities.size(); m++) {
            Estimate weight = estimate(weights, m);
            if (!isDefined(weight)) {
                continue;
            }
            trust.add(new ModalityTrust(
                    modalities.get(m),
                    weight,
                    Optional.of(estimate(global, m)).filter(CropArrays::isDefined),
                    Optional.of(estimate(regional, m)).filter(CropArrays::isDefined)));
        }
        long[] run = arrays.get(RUN).toLongArray();
        return new CropSegmentation(
                classes,
                trust,
                run[0] == 1,
                CropSegmentation.Tiling.values()[Math.toIntExact(run[1])],
                Math.toIntExact(run[2]),
                run[3]);
    }

    private static NDArray estimates(
            NDManager manager,
            String name,
            List<ModalityTrust> trust,
            int count,
            Function<ModalityTrust, Estimate> field) {
        double[] values = new double[2 * count];
        Arrays.fill(values, Double.NaN);
        for (int m = 0; m < trust.size(); m++) {
            Estimate estimate = field.apply(trust.get(m));
            values[m] = estimate.mean();
            values[count + m] = estimate.spread();
        }
        return named(manager.create(DoubleBuffer.wrap(values), new Shape(2, count), DataType.FLOAT64), name);
    }

    private static Estimate estimate(double[] values, int modality) {
        return new Estimate(values[modality], values[values.length / 2 + modality]);
    }

    private static boolean isDefined(Estimate estimate) {
        return !Double.isNaN(estimate.mean());
    }

    private static NDArray named(NDArray array, String name) {
        array.setName(name);
        return array;
    }
}
