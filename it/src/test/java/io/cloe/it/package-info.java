/** Tests of the whole worker on real brokers. */
package io.cloe.it;
