/** Records that no worker could read: what they are without their content, and sending them again once the fault is mended. */
package io.cloe.worker.deadletters;
