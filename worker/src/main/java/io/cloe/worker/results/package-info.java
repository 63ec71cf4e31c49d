/** Reading the worker's output topics, for people and for tests. */
package io.cloe.worker.results;
