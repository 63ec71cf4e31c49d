package io.cloe.worker.admin;

import java.util.function.BooleanSupplier;

/**
 * What probes ask.
 *
 * @param live false once the process cannot recover by itself and should be started again
 * @param ready false while it does not do its work yet, or no more
 */
public record Health(BooleanSupplier live, BooleanSupplier ready) {}
