/**
 * The study rules: what happens to a study when a scan, a command, a result or a timer arrives. Plain functions on records; no
 * clock, no I/O, no Kafka.
 */
package io.cloe.topology.study;
