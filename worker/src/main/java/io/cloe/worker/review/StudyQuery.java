package io.cloe.worker.review;

import io.cloe.schemas.StudyPhase;
import java.util.Comparator;
import java.util.Optional;

/**
 * Which studies to list, and in which order.
 *
 * @param phase only those that stand there
 * @param look only those with this reason to look
 * @param missing only those without this modality
 * @param unseen only those whose last revision has no verdict
 * @param text only those whose id contains this, whatever the case; empty for all
 * @param order the order
 * @param offset how many to leave out, from 0
 * @param limit how many to give, at most {@value #MOST}
 */
public record StudyQuery(
        Optional<StudyPhase> phase,
        Optional<LookReason> look,
        Optional<String> missing,
        boolean unseen,
        String text,
        Order order,
        int offset,
        int limit) {

    /** Most studies given at a time. */
    public static final int MOST = 500;

    /** @throws IllegalArgumentException if a number is out of its range */
    public StudyQuery {
        if (offset < 0 || limit < 1 || limit > MOST) {
            throw new IllegalArgumentException("offset from 0, limit 1 to " + MOST);
        }
    }

    /** Orders of the list. Ties are in the order of ids, so that pages do not overlap. */
    public enum Order {
        /** The most urgent first, then the latest. */
        LOOK(Comparator.comparingInt(StudyRow::urgency)
                .reversed()
                .thenComparing(Comparator.comparing(StudyRow::updatedAt).reversed())),
        /** The one that changed last first. */
        UPDATED(Comparator.comparing(StudyRow::updatedAt).reversed()),
        /** By id. */
        STUDY(Comparator.comparing(StudyRow::studyId));

        private final Comparator<StudyRow> comparator;

        Order(Comparator<StudyRow> comparator) {
            this.comparator = comparator.thenComparing(StudyRow::studyId);
        }

        Comparator<StudyRow> comparator() {
            return comparator;
        }
    }

    boolean accepts(StudyRow row) {
        return phase.map(wanted -> wanted == row.phase()).orElse(true)
                && look.map(row.look()::contains).orElse(true)
                && missing.map(row.missing()::contains).orElse(true)
                && !(unseen && row.verdict().isPresent())
                && contains(row.studyId(), text);
    }

    private static boolean contains(String id, String part) {
        for (int at = 0; at + part.length() <= id.length(); at++) {
            if (id.regionMatches(true, at, part, 0, part.length())) {
                return true;
            }
        }
        return false;
    }
}
