package io.cloe.it.fuzz;

/** Something that reads bytes from outside. Used by one thread. */
interface FuzzTarget extends AutoCloseable {

    /** What may come of an input. */
    enum Outcome {
        /** It was used. */
        ACCEPTED,
        /** It was refused with the error that is documented for it. */
        REFUSED
    }

    /** What it is called on the command line, and its corpus's folder. */
    String name();

    /**
     * Gives it an input. Whatever is thrown is a violation, also an {@link Error}.
     *
     * @throws ViolationException if the answer breaks a promise
     */
    Outcome feed(byte[] input) throws Exception;

    /** Bytes of heap that taking this input may allocate, all together. */
    long allowance(byte[] input);

    /** Bytes of heap that were allocated so far, by the threads that do the work. */
    default long allocated() {
        return Allocations.ofThisThread();
    }

    /**
     * Requires that it still does what it is for.
     *
     * @throws ViolationException if it does not
     */
    default void requireAlive() throws Exception {
        // Nothing outlives a call.
    }

    @Override
    default void close() throws Exception {
        // Holds nothing.
    }
}
