package io.cloe.worker.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.schemas.CampaignMode;
import io.cloe.schemas.CampaignOutput;
import io.cloe.schemas.ModelAssignment;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ReadyModel;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.results.RecordJson;
import io.cloe.worker.submit.ControlProducer;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The commands of {@code cloe model} that speak with running workers. */
final class ModelRollout {

    private static final long PATIENCE_SECONDS = 120;

    private ModelRollout() {}

    /** {@code cloe model list}. */
    @Command(
            name = "list",
            description = "Models that the running workers have, and which one is live.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class ListModels extends WorkerCommand {

        @Option(names = "--json", description = "One JSON object per model, and per bundle that was refused.")
        private boolean json;

        @Override
        public Integer call() throws Exception {
            ModelsAtHand models = ModelsAtHand.read(settings.client());
            if (json) {
                ModelTable.json(models).forEach(this::print);
            } else {
                ModelTable.lines(models).forEach(this::print);
            }
            return ExitCode.OK;
        }
    }

    /** {@code cloe model promote}. */
    @Command(
            name = "promote",
            description = "Makes a model the live one of its family on all workers, between two jobs.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Promote extends NamedModelCommand {

        @Override
        public Integer call() throws Exception {
            ClientSettings client = settings.client();
            ModelsAtHand models = ModelsAtHand.read(client);
            ReadyModel model = fitting(models);
            models.requireEverywhere(model.getModel());
            ModelReference live = models.assigned(family).orElseThrow();
            if (model.getModel().equals(live) && models.isLiveEverywhere(live)) {
                print(json ? said(live, null) : name(live) + " is live already");
                return ExitCode.OK;
            }
            return assign(
                    client,
                    new ModelAssignment(family, model.getModel(), live, Instant.now()),
                    Optional.ofNullable(models.assignments().get(family))
                            .orElse(new ModelAssignment(family, live, null, Instant.now())),
                    this,
                    json);
        }
    }

    /** {@code cloe model rollback}. */
    @Command(
            name = "rollback",
            description = "Makes the model live again that was before the last promotion.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Rollback extends WorkerCommand {

        @Parameters(paramLabel = "FAMILY", description = "Model family.")
        private String family;

        @Option(
                names = "--republish",
                description =
                        "Also starts a campaign that runs it once more, as decided, on every study of the family that"
                                + " another model's result stands for, and publishes that as the next revision.")
        private boolean republish;

        @Option(
                names = "--wait",
                description = "With --republish: shows the progress until that campaign is over. Exit code 1 if it was"
                        + " cancelled, or if studies failed.")
        private boolean waits;

        @Option(names = "--json", description = "As JSON objects, one per line.")
        private boolean json;

        @Override
        public Integer call() throws Exception {
            if (waits && !republish) {
                throw new UserErrorException("--wait; allowed: with --republish");
            }
            ClientSettings client = settings.client();
            ModelsAtHand models = ModelsAtHand.read(client);
            ModelAssignment last = models.assignments().get(family);
            if (last == null) {
                throw new UserErrorException(
                        "no model of the family " + family + " was promoted, so none can be gone back to");
            }
            // Asked for twice, it must not bring back what it was to get rid of.
            boolean wentBack = last.getPrevious() == null;
            ModelReference former = wentBack ? last.getLive() : last.getPrevious();
            int code;
            if (wentBack && models.isLiveEverywhere(former)) {
                print(
                        json
                                ? said(former, null)
                                : name(former) + " is live already: the last promotion was rolled back");
                code = ExitCode.OK;
            } else {
                models.requireEverywhere(former);
                code = assign(client, new ModelAssignment(family, former, null, Instant.now()), last, this, json);
            }
            return code == ExitCode.OK && republish ? republish(client, former) : code;
        }

        private int republish(ClientSettings client, ModelReference model) throws Exception {
            ReprocessCampaign campaign = CampaignOptions.start(
                    client,
                    new CampaignOptions().campaign(model, CampaignMode.AS_DECIDED, CampaignOutput.PUBLISH, null),
                    this,
                    json);
            return waits ? CampaignWatch.await(client, campaign, this, json) : ExitCode.OK;
        }
    }

    /** {@code cloe model canary}. */
    @Command(
            name = "canary",
            description =
                    "Runs a model on a share of the studies published from now on, below live work, and compares; nothing"
                            + " is published. 'reprocess cancel' ends it, 'reprocess report' shows it.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Canary extends NamedModelCommand {

        @Option(
                names = "--share",
                defaultValue = "0.1",
                description = "Share of the studies, above 0 and up to 1. Default: ${DEFAULT-VALUE}.")
        private double share;

        @Override
        public Integer call() throws Exception {
            if (!(share > 0 && share <= 1)) {
                throw new UserErrorException("--share " + share + "; allowed: above 0 and up to 1");
            }
            ClientSettings client = settings.client();
            ModelsAtHand models = ModelsAtHand.read(client);
            ReadyModel model = fitting(models);
            CampaignOptions.start(
                    client,
                    new CampaignOptions()
                            .campaign(model.getModel(), CampaignMode.AS_DECIDED, CampaignOutput.SHADOW, share),
                    this,
                    json);
            return ExitCode.OK;
        }
    }

    /** Tells all workers, and waits until all have followed. Where one cannot, all go back to what stood before. */
    private static int assign(
            ClientSettings client,
            ModelAssignment assignment,
            ModelAssignment before,
            WorkerCommand command,
            boolean json)
            throws Exception {
        ModelReference live = assignment.getLive();
        try (ControlProducer producer = new ControlProducer(client)) {
            producer.send(assignment);
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
            ModelsAtHand models = ModelsAtHand.read(client);
            while (!models.isLiveEverywhere(live)) {
                Optional<String> problem = models.problem(live);
                if (problem.isPresent()) {
                    producer.send(ModelAssignment.newBuilder(before)
                            .setAssignedAt(Instant.now())
                            .build());
                    command.complain("a worker cannot use the model (" + problem.get() + "); " + name(before.getLive())
                            + " is live again");
                    return ExitCode.MODEL;
                }
                if (System.nanoTime() > end) {
                    command.complain(
                            "assigned, but not live on all workers after " + PATIENCE_SECONDS + " s; see 'model list'");
                    return ExitCode.TIMEOUT;
                }
                TimeUnit.MILLISECONDS.sleep(200);
                models = ModelsAtHand.read(client);
            }
        }
        command.print(json ? said(live, before.getLive()) : name(live) + " is live on all workers");
        return ExitCode.OK;
    }

    private static String name(ModelReference model) {
        return model.getId() + " " + model.getVersion();
    }

    private static ObjectNode said(ModelReference live, ModelReference previous) {
        ObjectNode said = JsonNodeFactory.instance.objectNode();
        said.set("live", RecordJson.of(live));
        if (previous != null) {
            said.set("previous", RecordJson.of(previous));
        }
        return said;
    }
}
