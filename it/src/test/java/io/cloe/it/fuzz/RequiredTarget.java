package io.cloe.it.fuzz;

import io.cloe.topology.study.RequiredModalities;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;

/** Expressions of {@code study.required}. */
final class RequiredTarget implements FuzzTarget {

    private static final List<Set<String>> STUDIES =
            List.of(Set.of(), Set.of("T1"), Set.of("T1CE", "FLAIR"), Set.of("T1", "T1CE", "T2", "FLAIR"));

    @Override
    public String name() {
        return "required";
    }

    @Override
    public Outcome feed(byte[] input) throws ViolationException {
        RequiredModalities required;
        try {
            required = RequiredModalities.parse(new String(input, StandardCharsets.UTF_8));
        } catch (IllegalArgumentException e) {
            if (!String.valueOf(e.getMessage()).contains("; allowed: ")) {
                throw new ViolationException("a refusal does not say what is allowed", e);
            }
            return Outcome.REFUSED;
        }
        for (Set<String> study : STUDIES) {
            if (study.isEmpty() && required.satisfiedBy(study)) {
                throw new ViolationException("satisfied by nothing");
            }
            required.satisfiedBy(study);
        }
        return Outcome.ACCEPTED;
    }

    @Override
    public long allowance(byte[] input) {
        return (1 << 20) + 512L * input.length;
    }
}
