/** All arrival orders on a real broker, for the study topology and for what people use in its place. */
package io.cloe.it.matrix;
