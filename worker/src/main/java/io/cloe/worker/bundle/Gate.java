package io.cloe.worker.bundle;

/** Where the modality weights of a subset come from. */
public enum Gate {
    /** One or two modalities: no expert can change the weights, and the graph computes neither them nor consistency. */
    FIXED,
    /** The graph computes weights and consistency scores. */
    COMPUTED,
    /** The model weighs no modalities, as most networks for missing modalities: its results carry no weights. */
    NONE
}
