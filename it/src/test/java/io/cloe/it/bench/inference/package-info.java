/** Measurements of the inference engine and of what feeds it. */
package io.cloe.it.bench.inference;
