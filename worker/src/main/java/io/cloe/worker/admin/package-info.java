/** The admin HTTP server: health, metrics, studies, and the page on which people review results. */
package io.cloe.worker.admin;
