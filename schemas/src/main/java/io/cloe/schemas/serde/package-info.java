/**
 * How records travel: Avro's single-object encoding over the schemas known at build time.
 *
 * <p>A reader tells wire forms apart by the first byte; a registry's form is in {@code io.cloe.schemas.registry}.
 */
package io.cloe.schemas.serde;
