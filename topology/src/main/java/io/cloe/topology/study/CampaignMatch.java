package io.cloe.topology.study;

import io.cloe.schemas.CampaignSelection;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.PublishedResult;
import io.cloe.schemas.ReprocessCampaign;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Optional;

/** Which studies a campaign is for. Plain functions. */
public final class CampaignMatch {

    /** Part by part: numbers as numbers, so that 1.10 comes after 1.9, all else as text. */
    static final Comparator<String> BY_VERSION = CampaignMatch::compareVersions;

    private CampaignMatch() {}

    /** Whether a study has a result that the campaign selects. */
    public static boolean selects(ReprocessCampaign campaign, Study study) {
        CampaignSelection selection = campaign.getSelection();
        return study.family().equals(campaign.getModel().getFamily())
                && (selection.getStudyIds().isEmpty() || selection.getStudyIds().contains(study.id()))
                && (selection.getSite() == null || study.site().equals(Optional.of(selection.getSite())))
                && study.current().map(result -> selects(selection, result)).orElse(false);
    }

    /** Whether a study's result is this very model's. */
    public static boolean isMadeBy(ModelReference model, Study study) {
        return study.current()
                .map(result -> result.getModel().getSha256().equals(model.getSha256()))
                .orElse(false);
    }

    private static boolean selects(CampaignSelection selection, PublishedResult result) {
        return (selection.getPublishedFrom() == null || !result.getPublishedAt().isBefore(selection.getPublishedFrom()))
                && (selection.getPublishedBefore() == null
                        || result.getPublishedAt().isBefore(selection.getPublishedBefore()))
                && (selection.getFlag() == null || result.getFlags().contains(selection.getFlag()))
                && (selection.getOlderThan() == null
                        || BY_VERSION.compare(result.getModel().getVersion(), selection.getOlderThan()) < 0);
    }

    private static int compareVersions(String one, String other) {
        String[] left = one.split("[.+-]", -1);
        String[] right = other.split("[.+-]", -1);
        return Arrays.compare(left, right, CampaignMatch::compareParts);
    }

    private static int compareParts(String one, String other) {
        boolean numbers = isNumber(one) && isNumber(other);
        return numbers ? new BigInteger(one).compareTo(new BigInteger(other)) : one.compareTo(other);
    }

    private static boolean isNumber(String part) {
        return !part.isEmpty() && part.chars().allMatch(letter -> letter >= '0' && letter <= '9');
    }
}
