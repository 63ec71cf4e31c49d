/** Does the topology's jobs: decode, infer, write the mask, report. Knows nothing of Kafka. */
package io.cloe.worker.execution;
