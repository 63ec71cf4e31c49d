/** What the worker needs of Kafka around the topology: settings, topics, the result producer, the running process. */
package io.cloe.worker.kafka;
