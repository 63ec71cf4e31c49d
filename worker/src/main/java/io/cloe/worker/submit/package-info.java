/** From a folder of studies to scan events. */
package io.cloe.worker.submit;
