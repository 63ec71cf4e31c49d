package io.cloe.it.fuzz;

import io.cloe.it.fuzz.FuzzTarget.Outcome;
import java.util.Optional;

/** Feeds a target and judges what comes of it. */
final class Watch {

    /** Looking whether a target is alive costs more than most inputs do. */
    private static final int INPUTS_PER_CHECK = 200;

    private final FuzzTarget target;
    private long inputs;
    private long refused;
    private double largestShare;
    private long largestAllocation;

    Watch(FuzzTarget target) {
        this.target = target;
    }

    /** What is wrong with the target's answer to an input; empty if nothing is. */
    Optional<Throwable> feed(byte[] input) {
        inputs++;
        long allowance = target.allowance(input);
        try {
            long before = target.allocated();
            Outcome outcome = target.feed(input);
            refused += outcome == Outcome.REFUSED ? 1 : 0;
            long allocated = target.allocated() - before;
            if (allocated > allowance) {
                // Classes that are loaded at their first use are not the input's fault.
                before = target.allocated();
                target.feed(input);
                allocated = target.allocated() - before;
            }
            largestAllocation = Math.max(largestAllocation, allocated);
            largestShare = Math.max(largestShare, (double) allocated / allowance);
            if (allocated > allowance) {
                throw new ViolationException(
                        "allocated " + allocated + " bytes of heap, where " + allowance + " are allowed");
            }
            if (inputs % INPUTS_PER_CHECK == 0) {
                target.requireAlive();
            }
            return Optional.empty();
        } catch (Throwable violation) { // an Error of any kind is what is looked for
            return Optional.of(violation);
        }
    }

    /** What was seen so far. */
    FuzzSummary summary(int violations) {
        return new FuzzSummary(target.name(), inputs, refused, violations, largestAllocation, largestShare);
    }
}
