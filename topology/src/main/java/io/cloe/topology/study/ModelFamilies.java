package io.cloe.topology.study;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The model families that this deployment serves.
 *
 * @param byName family by name
 * @param fallback name of the family for events that name none; one of {@code byName}
 */
public record ModelFamilies(Map<String, ModelFamily> byName, String fallback) {

    /**
     * A family's name and its modalities in the order of its model bundle.
     *
     * @param name for example {@code brain-glioma}
     * @param modalities for example T1, T1CE, T2, FLAIR; not empty
     */
    public record ModelFamily(String name, List<String> modalities) {

        /** Copies the list. */
        public ModelFamily {
            modalities = List.copyOf(modalities);
            if (modalities.isEmpty()) {
                throw new IllegalArgumentException("model family " + name + " has no modalities");
            }
        }
    }

    /** Copies the map and checks the fallback. */
    public ModelFamilies {
        byName = Map.copyOf(byName);
        if (!byName.containsKey(fallback)) {
            throw new IllegalArgumentException("no model family " + fallback + " among " + byName.keySet());
        }
    }

    /** Families by their names; the first one serves events that name none. */
    public static ModelFamilies of(List<ModelFamily> families) {
        return new ModelFamilies(
                families.stream().collect(Collectors.toMap(ModelFamily::name, Function.identity())),
                families.get(0).name());
    }

    /** The named family, or the fallback when {@code name} is null; empty when the name is unknown. */
    public Optional<ModelFamily> find(String name) {
        return Optional.ofNullable(byName.get(name == null ? fallback : name));
    }
}
