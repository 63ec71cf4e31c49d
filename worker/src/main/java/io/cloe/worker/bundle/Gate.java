package io.cloe.worker.bundle;

/** Where the modality weights of a subset come from. */
public enum Gate {
    /** One or two modalities: the weights are 1/k by symmetry and the graph computes no consistency. */
    FIXED,
    /** The graph computes weights and consistency scores. */
    COMPUTED,
    /** The model weighs no modalities, as most networks for missing modalities: its results carry no weights. */
    NONE
}
