/** Volumes, masks and bundles outside the file system: S3 and compatible object stores, and web servers. What speaks to them does not leave this package. */
package io.cloe.worker.stores;
