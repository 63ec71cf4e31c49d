package io.cloe.worker.review;

/** Why a person should look at a study, and how urgent that is. Published by name. */
public enum LookReason {
    /** There is no result and there will be none by itself. */
    FAILED(100, "failed: no result"),
    /** It waits for a person. */
    HELD(80, "held: waits for a person"),
    /** More was found than is plausible. */
    VOLUME_IMPLAUSIBLE(70, "implausibly large"),
    /** A modality's expert disagrees with the others. */
    LOW_CONSISTENCY(60, "experts disagree"),
    /** Enhancing tumour was found without the one contrast that shows it. */
    ENHANCING_WITHOUT_T1CE(55, "ET without T1CE"),
    /** One modality has nearly all the weight. */
    WEIGHT_DOMINATES(50, "one modality dominates"),
    /** Nothing was found. */
    REGION_EMPTY(45, "nothing found"),
    /** The new revision differs much from the one before. */
    REVISION_CHANGED(45, "changed since the former revision"),
    /** A scan came but could not be used. */
    MODALITY_UNUSABLE(40, "a scan was unusable"),
    /** What was found may go on outside the volume. */
    MASK_TOUCHES_EDGE(30, "mask touches the edge"),
    /** A region is so small that it may be noise. */
    SMALL_REGION(25, "a very small region"),
    /** The volumes themselves are doubtful: saturated, not finite, of unknown orientation, of an unusual spacing. */
    INPUT_DOUBTFUL(25, "doubtful input"),
    /** The device had no memory for the model's windows, and smaller ones were used. */
    SMALL_WINDOWS(25, "smaller windows: device memory"),
    /** The model segments brains at once, but had no room for this one. */
    NOT_AT_ONCE(20, "not segmented at once: size or memory"),
    /** Fewer modalities than the model knows. */
    INCOMPLETE(10, "modalities missing");

    private final int urgency;
    private final String words;

    LookReason(int urgency, String words) {
        this.urgency = urgency;
        this.words = words;
    }

    /** Larger is more urgent; a study's urgency is the sum over its reasons. */
    public int urgency() {
        return urgency;
    }

    /** As the page says it. */
    public String words() {
        return words;
    }
}
