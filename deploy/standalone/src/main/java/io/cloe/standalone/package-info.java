/** The worker together with a broker in one process: for the demo and for trying things out. */
package io.cloe.standalone;
