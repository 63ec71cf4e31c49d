/**
 * Records in a schema registry's wire form, with a small client of the REST dialect that Confluent's registry, Karapace, Redpanda and
 * Apicurio ({@code /apis/ccompat/v7}) speak.
 */
package io.cloe.schemas.registry;
