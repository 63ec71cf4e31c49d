/**
 * Runs a model bundle's graphs over a study's crop: windows, blending, labels, modality weights.
 *
 * <p>{@link io.cloe.worker.inference.BundleVerifier#openVerified} opens an {@link io.cloe.worker.inference.InferenceEngine};
 * {@link io.cloe.worker.inference.InferenceEngine#infer} turns a crop into a {@link io.cloe.worker.inference.CropSegmentation};
 * {@link io.cloe.worker.inference.RegionVolumes} and {@link io.cloe.worker.inference.ReviewFlags} are plain functions on the result.
 * ONNX Runtime's types do not leave this package.
 */
package io.cloe.worker.inference;
