package io.cloe.worker.bundle;

/**
 * Which model this is.
 *
 * @param family model family, such as {@code brain-glioma}; one bundle per family is live at a time
 * @param id model id, such as {@code cloe-w8}
 * @param version version of the model, such as {@code 1.0.0}
 * @param digest lower-case hexadecimal SHA-256 of the manifest's bytes; it covers every other file through the manifest
 */
public record ModelIdentity(String family, String id, String version, String digest) {}
