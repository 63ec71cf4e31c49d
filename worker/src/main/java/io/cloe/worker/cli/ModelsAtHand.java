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
            long refused = workers.stream()
                    .mapToLong(worker -> worker.getRefusedFolders().size())
                    .sum();
            throw new UserErrorException("none of " + workers.size() + " running workers has a model " + family + " "
                    + id + " " + version + "; allowed: what 'model list' shows"
                    + (refused == 0 ? "" : " (workers refused bundles; it says which, and why)"));
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

    /** The model that is to be live, by the last promotion or, if there was none, by the workers' settings; empty when no worker serves the family. */
    Optional<ModelReference> assigned(String family) {
        return Optional.ofNullable(assignments.get(family))
                .map(ModelAssignment::getLive)
                .or(() -> live(family).map(ReadyModel::getModel));
    }

    /** @throws UserErrorException if a running worker does not have the model, or refuses it */
    void requireEverywhere(ModelReference model) throws UserErrorException {
        long lacking = workers.stream()
                .filter(worker -> worker.getModels().stream()
                        .noneMatch(one -> one.getModel().equals(model) && one.getState() != ModelState.REFUSED))
                .count();
        if (lacking > 0) {
            throw new UserErrorException(lacking + " of " + workers.size() + " running workers do not have the model "
                    + model.getId() + " " + model.getVersion()
                    + "; put its bundle into their model.repository first");
        }
    }

    /** Why a worker refuses a model. */
    Optional<String> problem(ModelReference model) {
        return workers.stream()
                .flatMap(worker -> worker.getModels().stream())
                .filter(one -> one.getModel().equals(model) && one.getState() == ModelState.REFUSED)
                .map(one -> String.valueOf(one.getProblem()))
                .findFirst();
    }

    /** Whether a model is live on all workers. */
    boolean isLiveEverywhere(ModelReference model) {
        return !workers.isEmpty()
                && workers.stream().allMatch(worker -> worker.getModels().stream()
                        .anyMatch(one -> one.getModel().equals(model) && one.getState() == ModelState.LIVE));
    }

    /** @throws UserErrorException if no worker serves the family, or the model makes other masks than the live one */
    void requireFitting(ReadyModel model) throws UserErrorException {
        Optional<ReadyModel> live = live(model.getModel().getFamily());
        if (live.isEmpty()) {
            throw new UserErrorException("no running worker serves the family "
                    + model.getModel().getFamily() + "; allowed: families of model.bundles");
        }
        if (!(live.get().getLabelScheme().equals(model.getLabelScheme())
                && live.get().getModalities().equals(model.getModalities()))) {
            throw new UserErrorException("the model has label scheme " + model.getLabelScheme() + " and modalities "
                    + model.getModalities() + "; allowed: those of the live model, "
                    + live.get().getLabelScheme() + " and " + live.get().getModalities());
        }
    }
}
