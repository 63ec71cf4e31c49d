/** Measurements with targets, run by {@code it/bench}. To add one: a {@link io.cloe.it.bench.Benchmark}, and its line in {@link io.cloe.it.bench.BenchCommand}. */
package io.cloe.it.bench;
