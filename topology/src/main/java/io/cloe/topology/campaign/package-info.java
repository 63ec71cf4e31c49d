/** Campaigns that run a model on studies that have a result, as plain functions: how they advance, and what they tell. */
package io.cloe.topology.campaign;
