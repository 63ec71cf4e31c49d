/** What a person who checks results needs to know: which studies to look at first, and why. Plain functions and one bounded memory. */
package io.cloe.worker.review;
