/** Which masks nobody refers to, and their deletion. Knows nothing of Kafka. */
package io.cloe.worker.sweep;
