package io.cloe.worker.execution;

import io.cloe.schemas.InferenceJob;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** The models that an executor serves, several of a family if need be. Safe for several threads. */
final class ModelTable {

    private final Function<InferenceJob, Optional<String>> named;
    private final Map<String, ServedModel> byDigest = new HashMap<>();
    private final Map<String, String> liveByFamily = new HashMap<>();

    /** @param named digest of the model that a job asks for; empty for its family's live one */
    ModelTable(Function<InferenceJob, Optional<String>> named) {
        this.named = named;
    }

    /** Serves a model more; the first one of a family is its live one. */
    synchronized void serve(ServedModel model) {
        byDigest.put(model.identity().digest(), model);
        liveByFamily.putIfAbsent(model.identity().family(), model.identity().digest());
    }

    /** @return whether the model is served */
    synchronized boolean makeLive(String digest) {
        ServedModel model = byDigest.get(digest);
        if (model != null) {
            liveByFamily.put(model.identity().family(), digest);
        }
        return model != null;
    }

    synchronized Optional<CompletableFuture<ModelEngines>> retire(String digest) {
        if (liveByFamily.containsValue(digest)) {
            throw new IllegalStateException("a family's live model cannot be retired");
        }
        return Optional.ofNullable(byDigest.remove(digest)).map(ServedModel::retire);
    }

    /** The model for a job; whoever gets it must {@link ServedModel#leave} it. */
    synchronized Optional<ServedModel> use(InferenceJob job) {
        String digest = named.apply(job).orElseGet(() -> liveByFamily.get(job.getFamily()));
        return Optional.ofNullable(byDigest.get(digest)).filter(ServedModel::use);
    }

    synchronized List<ServedModel> all() {
        return List.copyOf(byDigest.values());
    }
}
