package io.cloe.worker.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.worker.config.StoreConfig;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.StartupException;
import io.cloe.worker.masks.MaskInventory;
import io.cloe.worker.masks.MaskStoreException;
import io.cloe.worker.masks.StoredMask;
import io.cloe.worker.results.MaskReferenceReader;
import io.cloe.worker.stores.MaskPlace;
import io.cloe.worker.stores.Stores;
import io.cloe.worker.sweep.MaskSweep;
import io.cloe.worker.sweep.SweepPlan;
import io.cloe.worker.sweep.UnrelatedTopicsException;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code cloe masks}. */
@Command(
        name = "masks",
        description = "The mask store.",
        mixinStandardHelpOptions = true,
        subcommands = MasksCommand.Sweep.class)
final class MasksCommand {

    private MasksCommand() {}

    /** {@code cloe masks sweep}. */
    @Command(
            name = "sweep",
            description = {
                "Finds masks that no committed result refers to, such as those of a killed worker, and deletes them if told to.",
                "Takes the brokers, topics.prefix, application.id and mask.directory of the workers. A mask store must belong to"
                        + " one set of topics: masks of another deployment look like orphans.",
                "A mask that results no longer in the topic may refer to is never deleted."
            },
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Sweep extends WorkerCommand {

        @Option(
                names = "--older-than",
                paramLabel = "DURATION",
                defaultValue = "24h",
                description = "Leave younger files alone; at least 1h. Default: ${DEFAULT-VALUE}.")
        private String olderThan;

        @Option(names = "--delete", description = "Delete the orphans. Without it, nothing is changed.")
        private boolean delete;

        @Option(names = "--dry-run", description = "Change nothing, even with --delete.")
        private boolean dryRun;

        @Option(names = "--list", description = "Name each orphan. Names hold study ids.")
        private boolean list;

        @Option(names = "--json", description = "One JSON object.")
        private boolean json;

        @Override
        public Integer call() throws Exception {
            Duration age = DurationOption.parse("--older-than", olderThan);
            if (age.compareTo(MaskSweep.LEAST_AGE) < 0) {
                throw new UserErrorException("--older-than " + olderThan + "; allowed: 1h or more");
            }
            Map<String, String> merged = settings.merged();
            String group = merged.getOrDefault(WorkerConfig.APPLICATION_ID, WorkerConfig.DEFAULT_APPLICATION_ID);
            Instant limit = Instant.now().minus(age);
            try (Stores stores = new Stores(StoreConfig.settings(merged), new CompositeMeterRegistry())) {
                MaskSweep sweep = new MaskSweep(
                        store(stores, StoreConfig.masks(merged)),
                        new MaskReferenceReader(settings.client(), group)::read);
                SweepPlan plan = sweep.plan(limit);
                boolean deleting = delete && !dryRun;
                print(plan, deleting ? sweep.delete(plan, limit) : plan.orphans(), deleting);
                return ExitCode.OK;
            } catch (UnrelatedTopicsException e) {
                throw new UserErrorException(e.getMessage());
            } catch (MaskStoreException e) {
                throw new StartupException(StartupException.Kind.MASK_STORE, e.getMessage());
            }
        }

        private static MaskInventory store(Stores stores, MaskPlace place) throws StartupException {
            try {
                return stores.inventory(place);
            } catch (MaskStoreException e) {
                throw new StartupException(
                        StartupException.Kind.MASK_STORE,
                        "setting " + WorkerConfig.MASK_DIRECTORY + " " + place + ": " + e.getMessage());
            }
        }

        private void print(SweepPlan plan, List<StoredMask> orphans, boolean deleted) {
            PrintWriter out = spec.commandLine().getOut();
            if (json) {
                out.println(object(plan, orphans, deleted).toPrettyString());
            } else {
                if (list) {
                    orphans.forEach(orphan -> out.println(orphan.name()));
                }
                out.printf(
                        Locale.ROOT,
                        "%s %d orphaned files, %.1f MB; kept %d that results refer to, %d too young, %d as old as results that"
                                + " are gone%s%n",
                        deleted ? "deleted" : "found",
                        orphans.size(),
                        bytes(orphans) / 1e6,
                        plan.referenced(),
                        plan.young(),
                        plan.unknown(),
                        deleted ? "" : "; nothing was deleted");
            }
            out.flush();
        }

        private ObjectNode object(SweepPlan plan, List<StoredMask> orphans, boolean deleted) {
            ObjectNode object = JsonNodeFactory.instance.objectNode();
            object.put("deleted", deleted)
                    .put("orphans", orphans.size())
                    .put("orphanBytes", bytes(orphans))
                    .put("referenced", plan.referenced())
                    .put("young", plan.young())
                    .put("unknown", plan.unknown());
            if (list) {
                ArrayNode names = object.putArray("names");
                orphans.forEach(orphan -> names.add(orphan.name()));
            }
            return object;
        }

        private static long bytes(List<StoredMask> files) {
            return files.stream().mapToLong(StoredMask::bytes).sum();
        }
    }
}
