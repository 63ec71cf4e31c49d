/**
 * Model bundles: what {@code model-export/BUNDLE.md} describes, read and checked before anything else trusts it.
 *
 * <p>{@link io.cloe.worker.bundle.BundleReader} is the way in, {@link io.cloe.worker.bundle.ModelBundle} what comes out. Nothing
 * here runs a network; see {@code io.cloe.worker.inference} for that.
 */
package io.cloe.worker.bundle;
