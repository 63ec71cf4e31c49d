/**
 * How records travel: Avro's single-object encoding over the schemas known at build time.
 *
 * <p>A reader tells wire forms apart by the first byte, so that a registry's form can be added beside this one.
 */
package io.cloe.schemas.serde;
