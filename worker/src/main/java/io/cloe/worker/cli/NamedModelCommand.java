package io.cloe.worker.cli;

import io.cloe.schemas.ReadyModel;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** A command about one model that the running workers have. */
abstract class NamedModelCommand extends WorkerCommand {

    @Parameters(index = "0", paramLabel = "FAMILY", description = "Model family.")
    String family;

    @Parameters(index = "1", paramLabel = "MODEL", description = "Model id.")
    String id;

    @Parameters(index = "2", paramLabel = "VERSION", description = "Model version.")
    String version;

    @Option(names = "--json", description = "As JSON objects, one per line.")
    boolean json;

    /**
     * The model that is meant.
     *
     * @throws UserErrorException if no worker has it, or it does not fit its family
     */
    final ReadyModel fitting(ModelsAtHand models) throws UserErrorException {
        ReadyModel model = models.require(family, id, version);
        models.requireFitting(model);
        return model;
    }
}
