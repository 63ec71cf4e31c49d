package io.cloe.worker.bundle;

/**
 * One class that the network tells apart.
 *
 * @param index channel of the network's probabilities, from 0
 * @param name such as {@code BACKGROUND}, which is always index 0
 * @param label value in the mask, 0..255; 0 for the background and for nothing else
 */
public record ClassLabel(int index, String name, int label) {}
