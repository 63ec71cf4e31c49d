/** The worker process. */
package io.cloe.worker;
