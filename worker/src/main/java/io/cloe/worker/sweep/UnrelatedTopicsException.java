package io.cloe.worker.sweep;

/** No result refers to any mask of the store: most likely the topics are not those of the workers that write to it. */
public final class UnrelatedTopicsException extends Exception {

    private static final long serialVersionUID = 1L;

    UnrelatedTopicsException() {
        super("no result refers to any mask of this store, so nothing is deleted: are these its topics?");
    }
}
