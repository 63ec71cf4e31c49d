package io.cloe.worker.review;

import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyPhase;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Decides what makes a study worth a look. Plain functions. */
final class LookReasons {

    /** A revision whose whole-tumour volume differs by more than this part from the one before is shown. */
    static final double NOTABLE_CHANGE = 0.1;

    private static final Set<String> DOUBTFUL_INPUT =
            Set.of("SPACING_OUT_OF_RANGE", "NON_FINITE_VOXELS", "ORIENTATION_UNKNOWN", "SATURATED");
    private static final String ENHANCING = "ET";
    private static final String CONTRAST = "T1CE";

    private LookReasons() {}

    /**
     * The reasons of one study.
     *
     * @param phase where it stands
     * @param latest its last result
     * @param former the result before that
     */
    static Set<LookReason> of(StudyPhase phase, Optional<Segmentation> latest, Optional<Segmentation> former) {
        Set<LookReason> reasons = EnumSet.noneOf(LookReason.class);
        if (phase == StudyPhase.FAILED) {
            reasons.add(LookReason.FAILED);
        }
        if (phase == StudyPhase.HELD) {
            reasons.add(LookReason.HELD);
        }
        latest.ifPresent(result -> addOf(result, former, reasons));
        return reasons;
    }

    private static void addOf(Segmentation latest, Optional<Segmentation> former, Set<LookReason> reasons) {
        for (String flag : latest.getFlags()) {
            if (DOUBTFUL_INPUT.contains(flag)) {
                reasons.add(LookReason.INPUT_DOUBTFUL);
            }
            named(flag).ifPresent(reasons::add);
        }
        boolean noContrast = latest.getMissing().stream()
                .anyMatch(absent -> absent.getModality().equals(CONTRAST));
        if (noContrast && latest.getVolumesMl().getOrDefault(ENHANCING, 0.0) > 0) {
            reasons.add(LookReason.ENHANCING_WITHOUT_T1CE);
        }
        if (!latest.getMissing().isEmpty()) {
            reasons.add(LookReason.INCOMPLETE);
        }
        if (former.isPresent() && differs(largest(former.get().getVolumesMl()), largest(latest.getVolumesMl()))) {
            reasons.add(LookReason.REVISION_CHANGED);
        }
    }

    private static Optional<LookReason> named(String flag) {
        for (LookReason reason : LookReason.values()) {
            if (reason.name().equals(flag)) {
                return Optional.of(reason);
            }
        }
        return Optional.empty();
    }

    /** The largest region holds all others: WT for glioma. */
    static double largest(Map<String, Double> volumesMl) {
        return volumesMl.values().stream()
                .mapToDouble(Double::doubleValue)
                .max()
                .orElse(0);
    }

    private static boolean differs(double before, double now) {
        return Math.abs(now - before) > NOTABLE_CHANGE * Math.max(before, now);
    }
}
