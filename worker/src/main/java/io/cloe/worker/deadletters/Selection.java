package io.cloe.worker.deadletters;

import java.time.Instant;
import java.util.Optional;
import java.util.Set;

/**
 * Which letters are meant: those that meet every condition that is given.
 *
 * @param letters only these; empty for any
 * @param reasons only with one of these; empty for any
 * @param topics only of records of one of these topics; empty for any
 * @param since not older than this
 * @param until older than this
 */
public record Selection(
        Set<LetterId> letters,
        Set<String> reasons,
        Set<String> topics,
        Optional<Instant> since,
        Optional<Instant> until) {

    /** All letters. */
    public static final Selection ALL = new Selection(Set.of(), Set.of(), Set.of(), Optional.empty(), Optional.empty());

    /** Whether it says nothing, and so means all. */
    public boolean isEverything() {
        return equals(ALL);
    }

    /** Whether a letter is meant. */
    public boolean includes(DeadLetter letter) {
        return (letters.isEmpty() || letters.contains(letter.id()))
                && (reasons.isEmpty() || reasons.contains(letter.reason()))
                && (topics.isEmpty()
                        || letter.source()
                                .filter(source -> topics.contains(source.topic()))
                                .isPresent())
                && since.filter(start -> letter.at().isBefore(start)).isEmpty()
                && until.filter(end -> !letter.at().isBefore(end)).isEmpty();
    }
}
