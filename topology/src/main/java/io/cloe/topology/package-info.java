/** The Kafka Streams topology: one keyed processor around the study rules. No file or model access here. */
package io.cloe.topology;
