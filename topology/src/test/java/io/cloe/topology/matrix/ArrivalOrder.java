package io.cloe.topology.matrix;

import io.cloe.schemas.Trigger;
import io.cloe.topology.study.Fixtures;
import java.util.ArrayList;
import java.util.List;

/**
 * One order in which the scans of a study arrive.
 *
 * @param modalities those that arrive at all, the first one first
 */
public record ArrivalOrder(List<String> modalities) {

    /** All orders of all non-empty subsets of the four modalities: 4 + 12 + 24 + 24. */
    public static List<ArrivalOrder> all() {
        List<ArrivalOrder> orders = new ArrayList<>();
        extend(List.of(), orders);
        return orders;
    }

    private static void extend(List<String> soFar, List<ArrivalOrder> orders) {
        for (String next : Fixtures.MODALITIES) {
            if (!soFar.contains(next)) {
                List<String> longer = new ArrayList<>(soFar);
                longer.add(next);
                orders.add(new ArrivalOrder(List.copyOf(longer)));
                extend(longer, orders);
            }
        }
    }

    /** A study of this order. */
    public String studyId() {
        return String.join("-", modalities);
    }

    /** What must make it run. */
    public Trigger trigger() {
        return modalities.size() == Fixtures.MODALITIES.size() ? Trigger.COMPLETE : Trigger.DEADLINE;
    }

    @Override
    public String toString() {
        return String.join(" ", modalities);
    }
}
