/** Where masks are kept. */
package io.cloe.worker.masks;
