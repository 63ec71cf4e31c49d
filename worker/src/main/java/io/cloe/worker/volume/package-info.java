/**
 * From a reference to a volume to what the network sees, and from labels back to a mask file.
 *
 * <p>The way of a study: {@link io.cloe.worker.volume.VolumeSource} loads each modality, {@link
 * io.cloe.worker.volume.GeometryCheck} says which grids disagree, {@link io.cloe.worker.volume.StudyPreprocessor} turns
 * the rest into a {@link io.cloe.worker.volume.NormalisedCrop}, {@link io.cloe.worker.volume.PreparedStudy#restore} puts
 * the labels back into the file's own voxel order, and {@link io.cloe.worker.volume.NiftiMaskWriter} makes the mask file.
 *
 * <p>Whatever is wrong with a volume arrives as a {@link io.cloe.worker.volume.VolumeException} with a typed reason and
 * a message free of paths, URIs, ids and header text. All public types are safe for use by several threads, except that
 * voxel arrays are shared, not copied, and must not be written to.
 */
package io.cloe.worker.volume;
