/** What a worker measures about its jobs, as Micrometer meters. */
package io.cloe.worker.metrics;
