package io.cloe.topology.study;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which modalities must be there before an incomplete study may run: an expression such as {@code T1CE and (T2 or FLAIR)}, or
 * {@code any} for any one modality.
 *
 * <p>Grammar: {@code or} of {@code and} of names and parentheses; keywords in any case, names exactly as the bundle has them. At most
 * 4096 characters, and parentheses at most 32 deep: it is read and tested by recursion.
 */
public final class RequiredModalities {

    private static final int LONGEST = 4_096;
    private static final int DEEPEST = 32;
    private static final int LONGEST_QUOTE = 200;

    private static final Pattern TOKEN = Pattern.compile("\\s*([()]|[A-Za-z0-9_.-]+)");

    private final String text;
    private final Predicate<Set<String>> rule;
    private final Set<String> names;

    private RequiredModalities(String text, Predicate<Set<String>> rule, Set<String> names) {
        this.text = text;
        this.rule = rule;
        this.names = names;
    }

    /** Any one modality suffices. */
    public static RequiredModalities any() {
        return parse("any");
    }

    /**
     * Reads an expression.
     *
     * @throws IllegalArgumentException when it does not follow the grammar; the message says where and what was expected
     */
    public static RequiredModalities parse(String text) {
        if (text.strip().equalsIgnoreCase("any")) {
            return new RequiredModalities("any", present -> !present.isEmpty(), Set.of());
        }
        Parser parser = new Parser(text);
        Predicate<Set<String>> rule = parser.disjunction();
        parser.expectEnd();
        return new RequiredModalities(text.strip(), rule, Set.copyOf(parser.names));
    }

    /** Whether the modalities present satisfy the rule. Never true for none. */
    public boolean satisfiedBy(Set<String> present) {
        return !present.isEmpty() && rule.test(present);
    }

    /** Modalities that the expression names; empty for {@code any}. */
    public Set<String> names() {
        return names;
    }

    @Override
    public String toString() {
        return text;
    }

    private static final class Parser {

        private final String text;
        private final List<String> tokens = new ArrayList<>();
        private final Set<String> names = new TreeSet<>();
        private int next;
        private int depth;

        Parser(String text) {
            this.text = text;
            if (text.length() > LONGEST) {
                throw wrong("more than " + LONGEST + " characters");
            }
            Matcher matcher = TOKEN.matcher(text);
            int end = 0;
            // Anchored: a search from every position would take quadratic time over spaces.
            while (matcher.region(end, text.length()).lookingAt()) {
                tokens.add(matcher.group(1));
                end = matcher.end();
            }
            if (!text.substring(end).isBlank()) {
                throw wrong("unexpected character at position " + end);
            }
        }

        Predicate<Set<String>> disjunction() {
            List<Predicate<Set<String>>> either = new ArrayList<>(List.of(conjunction()));
            while (accept("or")) {
                either.add(conjunction());
            }
            return present -> either.stream().anyMatch(one -> one.test(present));
        }

        private Predicate<Set<String>> conjunction() {
            List<Predicate<Set<String>>> all = new ArrayList<>(List.of(term()));
            while (accept("and")) {
                all.add(term());
            }
            return present -> all.stream().allMatch(one -> one.test(present));
        }

        private Predicate<Set<String>> term() {
            if (accept("(")) {
                if (++depth > DEEPEST) {
                    throw wrong("parentheses are more than " + DEEPEST + " deep");
                }
                Predicate<Set<String>> inner = disjunction();
                depth--;
                if (!accept(")")) {
                    throw wrong("a closing parenthesis is missing");
                }
                return inner;
            }
            if (next == tokens.size()) {
                throw wrong("a modality is missing at the end");
            }
            String name = tokens.get(next++);
            if (name.equals(")") || name.equalsIgnoreCase("and") || name.equalsIgnoreCase("or")) {
                throw wrong("a modality was expected instead of '" + name + "'");
            }
            names.add(name);
            return present -> present.contains(name);
        }

        void expectEnd() {
            if (next < tokens.size()) {
                throw wrong("'and' or 'or' was expected before '" + tokens.get(next) + "'");
            }
        }

        private boolean accept(String word) {
            boolean here = next < tokens.size() && tokens.get(next).equalsIgnoreCase(word);
            next += here ? 1 : 0;
            return here;
        }

        private IllegalArgumentException wrong(String what) {
            String quote = text.length() <= LONGEST_QUOTE ? text : text.substring(0, LONGEST_QUOTE) + "...";
            return new IllegalArgumentException("rule '" + quote + "': " + what
                    + "; allowed: any, or modality names joined by 'and', 'or' and parentheses");
        }
    }
}
