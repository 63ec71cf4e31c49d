/**
 * The engine as a Deep Java Library model: {@link io.cloe.worker.inference.djl.CloeModels#load} gives a {@code ZooModel} whose predictors
 * take a crop and return its segmentation. The worker itself does not go this way; it is for programs that already speak DJL.
 */
package io.cloe.worker.inference.djl;
