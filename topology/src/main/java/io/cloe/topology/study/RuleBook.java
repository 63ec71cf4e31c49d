package io.cloe.topology.study;

import io.cloe.schemas.ScanEvent;
import io.cloe.topology.study.ModelFamilies.ModelFamily;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The general study rules, and special ones for studies with certain attributes: of a site, a protocol, an urgency.
 *
 * <p>A study follows the special rule nearest to the top that any of its events satisfies, so that the order of arrival does not
 * matter and an event can only make a study more special. The study remembers the rule's name: a changed rule also governs the
 * studies that were opened before, and a study whose rule was deleted follows the general ones.
 *
 * @param general for studies that no special rule fits
 * @param special in order of precedence; names are unique
 */
public record RuleBook(StudyRules general, List<SpecialRule> special) {

    /**
     * Rules for some studies.
     *
     * @param name unique; shown in the study's status
     * @param when what an event must satisfy
     * @param modelFamily the family that serves events which name none; empty to leave it as it is
     * @param rules how these studies are assembled
     */
    public record SpecialRule(String name, Condition when, Optional<String> modelFamily, StudyRules rules) {

        private boolean fits(ScanEvent event, String family) {
            // An event that names another family than the rule would choose is none of this rule's.
            boolean sameFamily = event.getModelFamily() == null
                    || modelFamily.map(event.getModelFamily()::equals).orElse(true);
            return sameFamily && when.fits(event, family);
        }
    }

    /**
     * What an event must satisfy: all that is said here.
     *
     * @param modelFamily the family that serves it; empty for any
     * @param attributes by name, the values of which it must have one
     */
    public record Condition(Optional<String> modelFamily, Map<String, Set<String>> attributes) {

        /** Copies the map. */
        public Condition {
            attributes = Map.copyOf(attributes);
        }

        private boolean fits(ScanEvent event, String family) {
            return modelFamily.map(family::equals).orElse(true)
                    && attributes.entrySet().stream()
                            .allMatch(wanted -> hasOneOf(event, wanted.getKey(), wanted.getValue()));
        }

        private static boolean hasOneOf(ScanEvent event, String attribute, Set<String> values) {
            String value = event.getAttributes().get(attribute);
            return value != null && values.contains(value);
        }
    }

    /**
     * Copies the list.
     *
     * @throws IllegalArgumentException if two special rules have one name
     */
    public RuleBook {
        special = List.copyOf(special);
        Set<String> names = new HashSet<>();
        for (SpecialRule rule : special) {
            if (!names.add(rule.name())) {
                throw new IllegalArgumentException("two rules are named " + rule.name() + "; allowed: unique names");
            }
        }
    }

    /** The same rules for every study. */
    public static RuleBook of(StudyRules general) {
        return new RuleBook(general, List.of());
    }

    /** How a study that follows the named special rule is assembled. */
    public StudyRules rules(Optional<String> name) {
        return name.flatMap(this::find).map(SpecialRule::rules).orElse(general);
    }

    /**
     * What does not fit the families that are served: a rule that chooses or asks for another family, or that requires a
     * modality which no study of its families can have.
     *
     * @return a sentence that names the rule and what is allowed; empty if all fits
     */
    public Optional<String> misfit(ModelFamilies families) {
        return Stream.concat(
                        unknownModality(
                                "study.required", general, families.byName().values())
                                .stream(),
                        special.stream().flatMap(rule -> misfit(rule, families).stream()))
                .findFirst();
    }

    private static Optional<String> misfit(SpecialRule rule, ModelFamilies families) {
        String who = "rule " + rule.name();
        Optional<String> family = rule.modelFamily().or(() -> rule.when().modelFamily());
        if (family.isEmpty()) {
            return unknownModality(who, rule.rules(), families.byName().values());
        }
        Optional<ModelFamily> served = families.find(family.get());
        if (served.isEmpty()) {
            return Optional.of(who + " names the model family " + family.get() + "; allowed: "
                    + String.join(", ", new TreeSet<>(families.byName().keySet())));
        }
        return unknownModality(who, rule.rules(), List.of(served.get()));
    }

    private static Optional<String> unknownModality(String who, StudyRules rules, Collection<ModelFamily> families) {
        Set<String> known = families.stream()
                .flatMap(family -> family.modalities().stream())
                .collect(Collectors.toCollection(TreeSet::new));
        return rules.required().names().stream()
                .filter(name -> !known.contains(name))
                .sorted()
                .findFirst()
                .map(name -> who + " requires the modality " + name + "; allowed: " + String.join(", ", known));
    }

    /** The first special rule that an event satisfies on its own, when {@code family} would serve it. */
    Optional<SpecialRule> firstFor(ScanEvent event, String family) {
        for (SpecialRule rule : special) {
            if (rule.fits(event, family)) {
                return Optional.of(rule);
            }
        }
        return Optional.empty();
    }

    /** Of the rule that a study follows and the one that a further event satisfies, the one nearer to the top. */
    Optional<String> nearerToTop(Optional<String> followed, Optional<String> further) {
        for (SpecialRule rule : special) {
            Optional<String> name = Optional.of(rule.name());
            if (name.equals(followed) || name.equals(further)) {
                return name;
            }
        }
        return Optional.empty();
    }

    private Optional<SpecialRule> find(String name) {
        return special.stream().filter(rule -> rule.name().equals(name)).findFirst();
    }
}
