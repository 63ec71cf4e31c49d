/** Brokers and workers as processes that can be killed, and what reads their topics: tools of the tests. */
package io.cloe.it.tools;
