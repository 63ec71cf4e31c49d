/** The bundles at hand besides those that serve from the start. */
package io.cloe.worker.models;
