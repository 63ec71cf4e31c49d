/** Configuration: every key once, with type, default, validator and documentation. */
package io.cloe.worker.config;
