/** Spans of jobs, in the traces of the events that caused them. */
package io.cloe.worker.tracing;
