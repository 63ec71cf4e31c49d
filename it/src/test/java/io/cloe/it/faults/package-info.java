/** Workers and brokers that fail, the work that they are given meanwhile, and what must be true of it in the end. */
package io.cloe.it.faults;
