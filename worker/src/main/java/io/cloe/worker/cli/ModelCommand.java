package io.cloe.worker.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.worker.bundle.BundleException;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.ModelIdentity;
import io.cloe.worker.inference.BundleVerifier;
import io.cloe.worker.inference.DeviceChoice;
import io.cloe.worker.inference.EngineException;
import io.cloe.worker.inference.EngineSettings;
import io.cloe.worker.inference.InferenceEngine;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code cloe model}. */
@Command(
        name = "model",
        description = "Model bundles.",
        mixinStandardHelpOptions = true,
        subcommands = {
            ModelCommand.Verify.class,
            ModelRollout.ListModels.class,
            ModelRollout.Promote.class,
            ModelRollout.Rollback.class,
            ModelRollout.Canary.class
        })
final class ModelCommand {

    /** {@code cloe model verify}. */
    @Command(
            name = "verify",
            description = "Checks a bundle as a worker would: manifest, digests, every graph, and the golden window.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Verify implements Callable<Integer> {

        @Parameters(
                paramLabel = "BUNDLE",
                converter = BundleFolder.class,
                description = "Folder of the bundle on this machine: check it before it is put into a bucket.")
        private Path folder;

        @Option(
                names = "--device",
                defaultValue = "cpu",
                description = "auto, cpu, cuda:N or tensorrt:N. Default: ${DEFAULT-VALUE}.")
        private String device;

        @Option(names = "--json", description = "As a JSON object.")
        private boolean json;

        @Spec
        private CommandSpec spec;

        @Override
        public Integer call() throws EngineException {
            try {
                ModelBundle bundle = BundleReader.open(folder);
                EngineSettings settings = EngineSettings.defaults().withDevice(DeviceChoice.parse(device));
                try (InferenceEngine engine = InferenceEngine.open(bundle, settings)) {
                    BundleVerifier.GoldenReport golden = BundleVerifier.verifyEveryGraph(bundle, engine);
                    print(bundle, engine.device().running().toString(), golden.largestDifference());
                    return ExitCode.OK;
                }
            } catch (BundleException e) {
                spec.commandLine().getErr().println("cloe: bundle refused: " + e.kind() + ": " + e.getMessage());
                return ExitCode.MODEL;
            } catch (EngineException e) {
                spec.commandLine().getErr().println("cloe: " + e.kind() + ": " + e.getMessage());
                return switch (e.kind()) {
                    case UNKNOWN_DEVICE -> ExitCode.CONFIGURATION;
                    case BUNDLE_REFUSED -> ExitCode.MODEL;
                    default -> ExitCode.DEVICE;
                };
            }
        }

        private void print(ModelBundle bundle, String device, double largestDifference) {
            PrintWriter out = spec.commandLine().getOut();
            ModelIdentity identity = bundle.identity();
            if (json) {
                ObjectNode verified = JsonNodeFactory.instance
                        .objectNode()
                        .put("family", identity.family())
                        .put("id", identity.id())
                        .put("version", identity.version())
                        .put("sha256", identity.digest());
                bundle.modalities().forEach(verified.putArray("modalities")::add);
                out.println(verified.put("graphs", bundle.graphs().size())
                        .put("device", device)
                        .put("largestDifference", largestDifference)
                        .put("notForClinicalUse", bundle.notForClinicalUse()));
                return;
            }
            out.printf(
                    Locale.ROOT,
                    "%s %s %s: ok%n  sha256      %s%n  modalities  %s%n  graphs      %d%n  device      %s%n"
                            + "  golden      largest difference %.1e%n",
                    identity.family(),
                    identity.id(),
                    identity.version(),
                    identity.digest(),
                    String.join(", ", bundle.modalities()),
                    bundle.graphs().size(),
                    device,
                    largestDifference);
            if (bundle.notForClinicalUse()) {
                out.println("  NOT FOR CLINICAL USE: a demonstration model");
            }
        }
    }
}
