/** Every order in which the scans of a study can arrive, in every situation, and what must come of it. */
package io.cloe.topology.matrix;
