package io.cloe.worker.cli;

import io.cloe.schemas.ModelAssignment;
import io.cloe.schemas.ModelReadiness;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ModelState;
import io.cloe.schemas.ReadyModel;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.results.LatestRecords;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the running workers say of their models.
 *
 * @param workers those that spoke lately
 * @param assignments by family
 */
record ModelsAtHand(List<ModelReadiness> workers, Map<String, ModelAssignment> assignments) {

    /** Three times as long as a worker is silent. */
    private static final Duration SILENCE = Duration.ofSeconds(30);

    static ModelsAtHand read(ClientSettings settings) {
        Instant since = Instant.now().minus(SILENCE);
        List<ModelReadiness> workers =
                LatestRecords.of(settings, settings.topics().modelReadiness(), ModelReadiness.class).values().stream()
                        .filter(worker -> worker.getWrittenAt().isAfter(since))
                        .toList();
        return new ModelsAtHand(
                workers, LatestRecords.of(settings, settings.topics().modelAssignments(), ModelAssignment.class));
    }

    /**
     * The model that a user names.
     *
     * @throws UserErrorException if no worker knows it, or one refuses it
     */
    ReadyModel require(String family, String id, String version) throws UserErrorException {
        List<ReadyModel> named = workers.stream()
                .flatMap(worker -> worker.getModels().stream())
                .filter(model -> model.getModel().getFamily().equals(family)
                        && model.getModel().getId().equals(id)
                        && model.getModel().getVersion().equals(version))
                .toList();
        if (named.isEmpty()) {
            throw new UserErrorException("none of " + workers.size() + " running workers has a model " + family + " "
                    + id + " " + version + "; allowed: what 'model list' shows");
        }
        if (named.stream().map(one -> one.getModel().getSha256()).distinct().count() > 1) {
            throw new UserErrorException("the workers have different bundles of that name and version");
        }
        for (ReadyModel model : named) {
            if (model.getState() == ModelState.REFUSED) {
                throw new UserErrorException("a worker refuses the model: " + model.getProblem());
            }
        }
        return named.get(0);
    }

    /** The family's live model; empty when no worker serves the family. */
    Optional<ReadyModel> live(String family) {
        return workers.stream()
                .flatMap(worker -> worker.getModels().stream())
                .filter(model -> model.getModel().getFamily().equals(family) && model.getState() == ModelState.LIVE)
                .findFirst();
    }

    /** Workers that cannot run a model. */
    long lacking(ModelReference model) {
        return workers.stream()
                .filter(worker -> worker.getModels().stream()
                        .noneMatch(one -> one.getModel().equals(model) && one.getState() != ModelState.REFUSED))
                .count();
    }

    /** Whether a model is live on all workers. */
    boolean isLiveEverywhere(ModelReference model) {
        return !workers.isEmpty()
                && workers.stream().allMatch(worker -> worker.getModels().stream()
                        .anyMatch(one -> one.getModel().equals(model) && one.getState() == ModelState.LIVE));
    }

    /** @throws UserErrorException if the model makes other masks than the live one */
    void requireFitting(ReadyModel model) throws UserErrorException {
        Optional<ReadyModel> live = live(model.getModel().getFamily());
        if (live.isPresent()
                && !(live.get().getLabelScheme().equals(model.getLabelScheme())
                        && live.get().getModalities().equals(model.getModalities()))) {
            throw new UserErrorException("the model has label scheme " + model.getLabelScheme() + " and modalities "
                    + model.getModalities() + "; allowed: those of the live model, "
                    + live.get().getLabelScheme() + " and " + live.get().getModalities());
        }
    }
}
