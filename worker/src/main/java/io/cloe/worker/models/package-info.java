/** The bundles at hand besides those that serve from the start: in a folder, or in an object store with a cache of those in use. */
package io.cloe.worker.models;
