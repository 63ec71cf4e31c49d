package io.cloe.worker.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.schemas.ModelReadiness;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ReadyModel;
import io.cloe.worker.results.RecordJson;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** What workers say of their models, for people and for programs. */
final class ModelTable {

    private static final Comparator<ModelReference> IN_ORDER = Comparator.comparing(ModelReference::getFamily)
            .thenComparing(ModelReference::getId)
            .thenComparing(ModelReference::getVersion)
            .thenComparing(ModelReference::getSha256);

    private ModelTable() {}

    static List<String> lines(ModelsAtHand models) {
        List<String> lines = new ArrayList<>();
        lines.add(String.format("%-16s %-20s %-10s %-12s  workers", "family", "model", "version", "sha256"));
        byModel(models)
                .forEach((model, told) -> lines.add(String.format(
                        "%-16s %-20s %-10s %.12s  %s",
                        model.getFamily(), model.getId(), model.getVersion(), model.getSha256(), states(told))));
        if (models.workers().isEmpty()) {
            lines.add("no worker has spoken lately");
        }
        refused(models)
                .forEach((folder, why) -> lines.add("refused: folder " + folder + " of the model repository, "
                        + why.entrySet().stream()
                                .map(reason -> reason.getKey() + "=" + reason.getValue())
                                .collect(Collectors.joining(", "))));
        return lines;
    }

    private static String states(List<ReadyModel> told) {
        Map<String, Long> states = told.stream()
                .collect(Collectors.groupingBy(
                        one -> one.getState().name().toLowerCase(Locale.ROOT)
                                + (one.getProblem() == null ? "" : " (" + one.getProblem() + ")"),
                        TreeMap::new,
                        Collectors.counting()));
        return states.entrySet().stream()
                .map(state -> state.getKey() + "=" + state.getValue())
                .collect(Collectors.joining(", "));
    }

    static List<ObjectNode> json(ModelsAtHand models) {
        List<ObjectNode> lines = new ArrayList<>();
        byModel(models).forEach((model, told) -> {
            ObjectNode line = RecordJson.of(model);
            line.put("labelScheme", told.get(0).getLabelScheme());
            ObjectNode states = line.putObject("workers");
            told.stream()
                    .collect(Collectors.groupingBy(one -> one.getState().name(), TreeMap::new, Collectors.counting()))
                    .forEach(states::put);
            told.stream()
                    .map(ReadyModel::getProblem)
                    .filter(problem -> problem != null)
                    .distinct()
                    .forEach(line.withArray("/problems")::add);
            lines.add(line);
        });
        refused(models).forEach((folder, why) -> {
            ObjectNode line = JsonNodeFactory.instance.objectNode().put("refusedFolder", folder);
            ObjectNode reasons = line.putObject("workers");
            why.forEach(reasons::put);
            lines.add(line);
        });
        return lines;
    }

    private static Map<ModelReference, List<ReadyModel>> byModel(ModelsAtHand models) {
        Map<ModelReference, List<ReadyModel>> byModel = new TreeMap<>(IN_ORDER);
        for (ModelReadiness worker : models.workers()) {
            for (ReadyModel one : worker.getModels()) {
                byModel.computeIfAbsent(one.getModel(), any -> new ArrayList<>())
                        .add(one);
            }
        }
        return byModel;
    }

    /** Workers by folder and reason. */
    private static Map<String, Map<String, Integer>> refused(ModelsAtHand models) {
        Map<String, Map<String, Integer>> refused = new TreeMap<>();
        models.workers().forEach(worker -> worker.getRefusedFolders()
                .forEach((folder, why) ->
                        refused.computeIfAbsent(folder, any -> new TreeMap<>()).merge(why, 1, Integer::sum)));
        return refused;
    }
}
