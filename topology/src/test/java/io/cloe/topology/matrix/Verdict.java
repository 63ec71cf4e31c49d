package io.cloe.topology.matrix;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** What is to be said of all that came out for a study. */
public enum Verdict {
    /** One result, of the right scans, for the right reason. */
    CORRECT,
    /** Nothing. */
    NONE,
    /** Several results, or one that is not the right one. */
    WRONG;

    /** The verdict on a study of the given order. */
    public static Verdict on(ArrivalOrder order, Situation situation, List<Answer> answers) {
        if (answers.isEmpty()) {
            return NONE;
        }
        return answers.size() == 1 && isRight(order, situation, answers.get(0)) ? CORRECT : WRONG;
    }

    private static boolean isRight(ArrivalOrder order, Situation situation, Answer answer) {
        Map<String, Integer> wanted =
                order.modalities().stream().collect(Collectors.toMap(name -> name, name -> situation.scanRevision()));
        return answer.revision() == 0
                && answer.used().equals(wanted)
                && answer.trigger().map(order.trigger()::equals).orElse(true);
    }
}
