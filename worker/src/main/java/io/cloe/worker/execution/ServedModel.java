package io.cloe.worker.execution;

import io.cloe.worker.bundle.ModelIdentity;
import io.cloe.worker.inference.StudyEngine;
import java.util.concurrent.CompletableFuture;

/** A model that jobs can use. A job that has begun ends with the model that it began with. */
final class ServedModel {

    private final ModelEngines engines;
    private final StudyReading reading;
    private final StudyWriting writing;
    private final CompletableFuture<ModelEngines> free = new CompletableFuture<>();
    private int users;
    private boolean retired;

    ServedModel(ModelEngines engines, StudyReading reading, StudyWriting writing) {
        this.engines = engines;
        this.reading = reading;
        this.writing = writing;
    }

    ModelIdentity identity() {
        return engines.bundle().identity();
    }

    StudyReading reading() {
        return reading;
    }

    StudyWriting writing() {
        return writing;
    }

    StudyEngine engine(int lane) {
        return engines.engines().get(lane);
    }

    /** @return false if the model is not served any more */
    synchronized boolean use() {
        if (retired) {
            return false;
        }
        users++;
        return true;
    }

    synchronized void leave() {
        users--;
        completeIfFree();
    }

    /** Takes no new jobs; completes when the last one has left. */
    synchronized CompletableFuture<ModelEngines> retire() {
        retired = true;
        completeIfFree();
        return free;
    }

    private void completeIfFree() {
        if (retired && users == 0) {
            free.complete(engines);
        }
    }
}
