/** The command line. */
package io.cloe.worker.cli;
