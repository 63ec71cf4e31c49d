package io.cloe.worker.kafka;

import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.execution.ModelEngines;
import io.cloe.worker.execution.PipelinedExecutor;
import io.cloe.worker.inference.EngineException;
import io.cloe.worker.inference.StudyEngine;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The models of an executor, and those that were loaded beside the ones of the start. Closed after the executor. */
final class ExecutorEngines implements LiveModels.Engines, AutoCloseable {

    /** Opens engines, one per device. */
    interface Opener {

        /**
         * Opens a bundle on all devices.
         *
         * @param opened each engine is added to it as soon as it is open
         */
        ModelEngines open(ModelBundle bundle, List<AutoCloseable> opened) throws StartupException;
    }

    private static final Logger LOG = LoggerFactory.getLogger(ExecutorEngines.class);

    private final PipelinedExecutor executor;
    private final Opener opener;
    private final Consumer<ModelBundle> whenUnloaded;
    private final List<AutoCloseable> opened = Collections.synchronizedList(new ArrayList<>());
    private final Set<String> inMemory = ConcurrentHashMap.newKeySet();

    /** @param whenUnloaded told of a model that is not served any more */
    ExecutorEngines(PipelinedExecutor executor, Opener opener, Consumer<ModelBundle> whenUnloaded) {
        this.executor = executor;
        this.opener = opener;
        this.whenUnloaded = whenUnloaded;
    }

    @Override
    public void load(ModelBundle bundle) throws StartupException {
        List<AutoCloseable> engines = new ArrayList<>();
        try {
            executor.serve(opener.open(bundle, engines));
            opened.addAll(engines);
            inMemory.add(bundle.identity().digest());
        } catch (StartupException | RuntimeException e) {
            engines.forEach(ExecutorEngines::free);
            throw e;
        }
    }

    @Override
    public void makeLive(String digest) {
        executor.makeLive(digest);
    }

    @Override
    public boolean isNamed(String digest) {
        return executor.isNamed(digest);
    }

    @Override
    public void unload(String digest) {
        executor.retire(digest).ifPresent(free -> free.thenAccept(this::unloaded));
    }

    private void unloaded(ModelEngines model) {
        for (StudyEngine engine : model.engines()) {
            free(engine);
            opened.remove(engine);
        }
        inMemory.remove(model.bundle().identity().digest());
        whenUnloaded.accept(model.bundle());
    }

    @Override
    public Set<String> inMemory() {
        return Set.copyOf(inMemory);
    }

    private static void free(AutoCloseable engine) {
        try {
            engine.close();
        } catch (EngineException e) {
            LOG.warn("a model that is not needed does not close: {}", e.getMessage());
        } catch (Exception e) {
            LOG.warn("a model that is not needed does not close", e);
        }
    }

    @Override
    public void close() {
        List.copyOf(opened).forEach(ExecutorEngines::free);
        opened.clear();
    }
}
