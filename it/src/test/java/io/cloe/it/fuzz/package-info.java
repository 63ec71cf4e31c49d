/**
 * What a worker makes of input that nobody meant well: each target takes bytes as they may come from outside, and must refuse them
 * with its documented error or use them, within the memory that they and the configuration allow. Jazzer looks for bytes that do
 * otherwise; the corpus in {@code src/test/resources/fuzz} is what it starts from. See {@code it/docs/fuzz.md}.
 */
package io.cloe.it.fuzz;
