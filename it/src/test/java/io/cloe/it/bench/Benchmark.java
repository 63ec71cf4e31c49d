package io.cloe.it.bench;

/**
 * Something that is measured against a target, in one run on one machine. Picocli options on an implementation's fields are options of
 * its command.
 */
public interface Benchmark {

    /** What it is called on the command line. */
    String name();

    /** What it measures, and against what: one line. */
    String measures();

    /**
     * Measures.
     *
     * @param session where it prints its table and its spread, and what it draws random numbers from
     */
    Figure run(Session session) throws Exception;
}
