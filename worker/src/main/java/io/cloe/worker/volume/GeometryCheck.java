package io.cloe.worker.volume;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Finds the volumes of a study that do not lie on the study's grid. */
public final class GeometryCheck {
    private GeometryCheck() {}

    /**
     * The modalities whose grids disagree with the largest group of agreeing grids.
     *
     * <p>Two grids agree as {@link Grid#matches} says. If no single group is the largest, nobody can tell which grid is
     * right, and all modalities are returned. So of two volumes that disagree neither is used, and of four in two pairs
     * none.
     *
     * @param grids grid by modality
     * @return the modalities to leave out, sorted; empty if all agree
     */
    public static Set<String> mismatched(Map<String, Grid> grids) {
        var groups = new HashSet<Set<String>>();
        for (Grid grid : grids.values()) {
            groups.add(grids.entrySet().stream()
                    .filter(entry -> entry.getValue().matches(grid))
                    .map(Map.Entry::getKey)
                    .collect(Collectors.toUnmodifiableSet()));
        }
        int largest = groups.stream().mapToInt(Set::size).max().orElse(0);
        var candidates =
                groups.stream().filter(group -> group.size() == largest).toList();
        var mismatched = new TreeSet<>(grids.keySet());
        if (candidates.size() == 1) {
            mismatched.removeAll(candidates.get(0));
        }
        return mismatched;
    }
}
