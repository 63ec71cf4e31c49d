/** Programs of those who use the results of the worker. */
package io.cloe.examples;
