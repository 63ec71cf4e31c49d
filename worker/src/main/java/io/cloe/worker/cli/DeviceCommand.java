package io.cloe.worker.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import io.cloe.worker.bundle.BundleException;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.inference.DeviceCheck;
import io.cloe.worker.inference.DeviceChoice;
import io.cloe.worker.inference.DeviceReport;
import io.cloe.worker.inference.EngineException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code cloe device}. */
@Command(
        name = "device",
        description = "Devices.",
        mixinStandardHelpOptions = true,
        subcommands = DeviceCommand.Check.class)
final class DeviceCommand {

    /** {@code cloe device check}. */
    @Command(
            name = "check",
            description = {
                "Checks whether a device can serve a model, and how fast: the provider loads, no node falls back to the CPU,"
                        + " every subset answers as on the CPU, times, memory after many runs.",
                "On the CPU it does the same in a degraded form."
            },
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Check implements Callable<Integer> {

        @Parameters(
                paramLabel = "BUNDLE",
                converter = BundleFolder.class,
                description = "Folder of the model's bundle on this machine.")
        private Path folder;

        @Option(
                names = "--device",
                defaultValue = "auto",
                description = "auto, cpu, cuda:N or tensorrt:N. Default: ${DEFAULT-VALUE}.")
        private String device;

        @Option(
                names = "--other",
                paramLabel = "BUNDLE",
                converter = BundleFolder.class,
                description = "Another form of the same model, such as one in half precision, to compare with it.")
        private Path other;

        @Option(names = "--runs", description = "Windows per measured time. Default: 10; 1 on the CPU.")
        private Integer runs;

        @Option(names = "--memory-runs", description = "Windows run for the memory. Default: 500; 15 on the CPU.")
        private Integer memoryRuns;

        @Option(names = "--studies", description = "Time whole studies for every subset. Default: only on a GPU.")
        private boolean studies;

        @Option(
                names = "--whole-crops",
                description = "Also segment brains at once, one subset of each size, if the model has graphs for it."
                        + " Default: only on a GPU.")
        private boolean wholeCrops;

        @Option(names = "--json", paramLabel = "FILE", description = "Write the report as JSON; - for standard output.")
        private String json;

        @Spec
        private CommandSpec spec;

        @Override
        public Integer call() throws EngineException, IOException, InterruptedException {
            PrintWriter err = spec.commandLine().getErr();
            try {
                DeviceChoice choice = DeviceChoice.parse(device);
                boolean small = choice instanceof DeviceChoice.Cpu || choice instanceof DeviceChoice.Auto && !hasGpu();
                Optional<ModelBundle> second = Optional.empty();
                if (other != null) {
                    second = Optional.of(BundleReader.open(other));
                }
                DeviceReport report = DeviceCheck.run(
                        BundleReader.open(folder),
                        new DeviceCheck.Options(
                                choice,
                                atLeastOne(runs, small ? 1 : 10),
                                atLeastOne(memoryRuns, small ? 15 : 500),
                                studies || !small,
                                wholeCrops || !small,
                                second),
                        step -> err.println("checking: " + step));
                write(report);
                return report.passed() ? ExitCode.OK : ExitCode.DEVICE;
            } catch (BundleException e) {
                err.println("cloe: bundle refused: " + e.kind() + ": " + e.getMessage());
                return ExitCode.MODEL;
            } catch (EngineException e) {
                err.println("cloe: " + e.kind() + ": " + e.getMessage());
                return switch (e.kind()) {
                    case UNKNOWN_DEVICE -> ExitCode.CONFIGURATION;
                    case BUNDLE_REFUSED -> ExitCode.MODEL;
                    default -> ExitCode.DEVICE;
                };
            }
        }

        private static int atLeastOne(Integer given, int otherwise) {
            return given == null ? otherwise : Math.max(1, given);
        }

        private static boolean hasGpu() throws EngineException {
            return DeviceCheck.wouldUseGpu(new DeviceChoice.Auto());
        }

        private void write(DeviceReport report) throws IOException {
            PrintWriter out = spec.commandLine().getOut();
            String text = json == null
                    ? ""
                    : new ObjectMapper()
                            .registerModule(new Jdk8Module())
                            .writerWithDefaultPrettyPrinter()
                            .writeValueAsString(report);
            if ("-".equals(json)) {
                out.println(text);
                return;
            }
            if (json != null) {
                Files.writeString(Path.of(json), text + System.lineSeparator());
            }
            DeviceText.write(report, out);
        }
    }

    /** The report as a table. */
    private static final class DeviceText {

        private static void write(DeviceReport report, PrintWriter out) {
            out.printf("device   %s (asked for %s)%n", report.running(), report.asked());
            report.hardware().ifPresent(hardware -> out.printf("hardware %s%n", hardware));
            out.printf("model    %s, window %s%n", report.model(), report.window());
            out.printf(Locale.ROOT, "golden   largest difference %.1e%n%n", report.goldenDifference());
            out.printf(
                    "%-22s %10s %12s %8s %12s %10s%n",
                    "subset", "window ms", "study ms", "windows", "probability", "labels");
            for (DeviceReport.Subset subset : report.subsets()) {
                String name = String.join("+", subset.modalities());
                row(out, name, subset.windowMs(), subset.studyMs(), subset.studyWindows(), subset.exact());
                subset.tf32().ifPresent(parity -> row(out, "  tf32", null, Optional.empty(), 0, parity));
                subset.other()
                        .ifPresent(parity -> row(
                                out, "  other form", subset.otherWindowMs().orElse(null), Optional.empty(), 0, parity));
            }
            out.printf("%n'probability' is the largest difference from the CPU, 'labels' the part that is equal.%n");
            wholeCrops(report.wholeCrops(), out);
            out.printf("nodes of the graph of all modalities: %s%n", report.nodesByProvider());
            out.print("its time:");
            report.timeByOperator()
                    .forEach((operator, part) -> out.printf(Locale.ROOT, " %s %.0f %%", operator, 100 * part));
            out.printf(
                    Locale.ROOT, "%ntwo subsets in turn: %.2f times the time of one at a time%n", report.switching());
            DeviceReport.Memory memory = report.memory();
            out.printf(
                    Locale.ROOT,
                    "memory after %d windows from %d threads: process %.0f -> %.0f MiB%s%n",
                    memory.runs(),
                    memory.threads(),
                    memory.processMibBefore(),
                    memory.processMibAfter(),
                    memory.deviceMibAfter()
                            .map(after -> String.format(
                                    Locale.ROOT,
                                    ", device %.0f -> %.0f MiB",
                                    memory.deviceMibBefore().orElse(Double.NaN),
                                    after))
                            .orElse(""));
            report.notChecked().forEach(what -> out.println("not checked: " + what));
            report.faults().forEach(what -> out.println("FAULT: " + what));
            out.println(report.passed() ? "ok" : report.faults().size() + " faults");
        }

        private static void wholeCrops(List<DeviceReport.WholeCrop> crops, PrintWriter out) {
            if (crops.isEmpty()) {
                return;
            }
            out.printf("%n%-22s %16s %12s %12s %10s%n", "brain at once", "voxels", "ms", "scores", "labels");
            for (DeviceReport.WholeCrop crop : crops) {
                out.printf(
                        Locale.ROOT,
                        "%-22s %16s %12.0f %12.1e %8.3f %%%n",
                        String.join("+", crop.modalities()),
                        crop.shape().stream().map(String::valueOf).collect(Collectors.joining("x")),
                        crop.ms(),
                        crop.score(),
                        100 * crop.equalLabels());
            }
            out.println();
        }

        private static void row(
                PrintWriter out,
                String name,
                Double windowMs,
                Optional<Double> studyMs,
                int windows,
                DeviceReport.Parity parity) {
            out.printf(
                    "%-22s %10s %12s %8s %12s %10s%n",
                    name,
                    windowMs == null ? "" : String.format(Locale.ROOT, "%.1f", windowMs),
                    studyMs.map(ms -> String.format(Locale.ROOT, "%.0f", ms)).orElse(""),
                    studyMs.isPresent() ? windows : "",
                    String.format(Locale.ROOT, "%.1e", parity.probability()),
                    String.format(Locale.ROOT, "%.3f %%", 100 * parity.equalLabels()));
        }
    }
}
