package io.cloe.worker.cli;

import io.cloe.schemas.CampaignMode;
import io.cloe.schemas.CampaignOutput;
import io.cloe.schemas.ModelAssignment;
import io.cloe.schemas.ModelReadiness;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ReadyModel;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.submit.ControlProducer;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The commands of {@code cloe model} that speak with running workers. */
final class ModelRollout {

    private static final long PATIENCE_SECONDS = 120;

    private ModelRollout() {}

    /** What a command about one model needs. */
    static class Named {
        @Mixin
        SettingsOptions settings;

        @Parameters(index = "0", paramLabel = "FAMILY", description = "Model family.")
        String family;

        @Parameters(index = "1", paramLabel = "MODEL", description = "Model id.")
        String id;

        @Parameters(index = "2", paramLabel = "VERSION", description = "Model version.")
        String version;

        @Spec
        CommandSpec spec;
    }

    /** {@code cloe model list}. */
    @Command(
            name = "list",
            description = "Models that the running workers have, and which one is live.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class ListModels implements Callable<Integer> {

        @Mixin
        private SettingsOptions settings;

        @Spec
        private CommandSpec spec;

        @Override
        public Integer call() throws Exception {
            ModelsAtHand models = ModelsAtHand.read(settings.client());
            Map<String, Map<String, Integer>> states = new TreeMap<>();
            for (ModelReadiness worker : models.workers()) {
                for (ReadyModel one : worker.getModels()) {
                    ModelReference model = one.getModel();
                    String name = String.format(
                            "%-16s %-20s %-10s %.12s",
                            model.getFamily(), model.getId(), model.getVersion(), model.getSha256());
                    String state = one.getState().name().toLowerCase(Locale.ROOT)
                            + (one.getProblem() == null ? "" : " (" + one.getProblem() + ")");
                    states.computeIfAbsent(name, any -> new TreeMap<>()).merge(state, 1, Integer::sum);
                }
            }
            PrintWriter out = spec.commandLine().getOut();
            out.printf("%-16s %-20s %-10s %-12s  workers%n", "family", "model", "version", "sha256");
            states.forEach((name, workers) ->
                    out.println(name + "  " + workers.toString().replaceAll("[{}]", "")));
            out.flush();
            return ExitCode.OK;
        }
    }

    /** {@code cloe model promote}. */
    @Command(
            name = "promote",
            description = "Makes a model the live one of its family on all workers, between two jobs.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Promote extends Named implements Callable<Integer> {

        @Override
        public Integer call() throws Exception {
            ClientSettings client = settings.client();
            ModelsAtHand models = ModelsAtHand.read(client);
            ReadyModel model = models.require(family, id, version);
            models.requireFitting(model);
            long lacking = models.lacking(model.getModel());
            if (lacking > 0) {
                throw new UserErrorException(lacking + " of " + models.workers().size()
                        + " running workers do not have the model; put its bundle into their model.repository first");
            }
            ModelReference live = models.live(family).map(ReadyModel::getModel).orElse(null);
            if (model.getModel().equals(live)) {
                spec.commandLine().getOut().println("it is live already");
                return ExitCode.OK;
            }
            return assign(client, new ModelAssignment(family, model.getModel(), live, Instant.now()), spec);
        }
    }

    /** {@code cloe model rollback}. */
    @Command(
            name = "rollback",
            description = "Makes the model live again that was before the last promotion.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Rollback implements Callable<Integer> {

        @Mixin
        private SettingsOptions settings;

        @Parameters(paramLabel = "FAMILY", description = "Model family.")
        private String family;

        @Option(
                names = "--republish",
                description =
                        "Also starts a campaign that runs it once more, as decided, on every study of the family that"
                                + " another model's result stands for, and publishes that as the next revision.")
        private boolean republish;

        @Spec
        private CommandSpec spec;

        @Override
        public Integer call() throws Exception {
            ClientSettings client = settings.client();
            ModelAssignment last = ModelsAtHand.read(client).assignments().get(family);
            if (last == null || last.getPrevious() == null) {
                throw new UserErrorException(
                        "no model of the family " + family + " was promoted, so none can be gone back to");
            }
            int code = assign(
                    client, new ModelAssignment(family, last.getPrevious(), last.getLive(), Instant.now()), spec);
            if (code == ExitCode.OK && republish) {
                CampaignOptions everything = new CampaignOptions();
                CampaignOptions.start(
                        client,
                        everything.campaign(last.getPrevious(), CampaignMode.AS_DECIDED, CampaignOutput.PUBLISH, null),
                        spec);
            }
            return code;
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
    static final class Canary extends Named implements Callable<Integer> {

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
            ReadyModel model = models.require(family, id, version);
            models.requireFitting(model);
            CampaignOptions.start(
                    client,
                    new CampaignOptions()
                            .campaign(model.getModel(), CampaignMode.AS_DECIDED, CampaignOutput.SHADOW, share),
                    spec);
            return ExitCode.OK;
        }
    }

    private static int assign(ClientSettings client, ModelAssignment assignment, CommandSpec spec) throws Exception {
        try (ControlProducer producer = new ControlProducer(client)) {
            producer.send(assignment);
        }
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!ModelsAtHand.read(client).isLiveEverywhere(assignment.getLive())) {
            if (System.nanoTime() > end) {
                spec.commandLine()
                        .getErr()
                        .println("cloe: assigned, but not live on all workers after " + PATIENCE_SECONDS
                                + " s; see 'model list'");
                return ExitCode.FAILED;
            }
            TimeUnit.MILLISECONDS.sleep(200);
        }
        spec.commandLine()
                .getOut()
                .println(assignment.getLive().getId() + " "
                        + assignment.getLive().getVersion() + " is live on all workers");
        spec.commandLine().getOut().flush();
        return ExitCode.OK;
    }
}
