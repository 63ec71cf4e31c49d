package io.cloe.it.bench;

import java.io.PrintWriter;
import java.nio.file.Path;

/**
 * What one run of a benchmark works with.
 *
 * @param out for its table; the seed and the machine are printed by the command
 * @param seed of everything that is random
 * @param folder empty folder for brokers, state and the like; deleted afterwards
 */
public record Session(PrintWriter out, long seed, Path folder) {}
