package io.cloe.it.bench;

import io.cloe.it.bench.inference.CampaignBenchmark;
import io.cloe.it.bench.inference.CaseBenchmark;
import io.cloe.it.bench.inference.DecodeBenchmark;
import io.cloe.it.bench.inference.EndToEndBenchmark;
import io.cloe.it.bench.inference.MemoryBenchmark;
import io.cloe.it.bench.inference.ScalingBenchmark;
import io.cloe.it.bench.inference.SubsetsBenchmark;
import io.cloe.it.bench.inference.SwapBenchmark;
import io.cloe.it.bench.inference.VersusPythonBenchmark;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.kafka.common.utils.Utils;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The command {@code it/bench}: lists the benchmarks, or runs one. */
@Command(
        name = "it/bench",
        description = "Measures against targets. Without a name: lists what can be measured.",
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:the target was met", "1:the target was missed, or the run failed", "2:wrong usage"})
public final class BenchCommand implements Callable<Integer> {

    /** A benchmark is registered here, and nowhere else. */
    private static List<Benchmark> benchmarks() {
        return List.of(
                new MatrixBenchmark(),
                new FaultsBenchmark(),
                new FuzzBenchmark(),
                new AssemblerBenchmark(),
                new OpenStudiesBenchmark(),
                new VisibilityBenchmark(),
                new IdleBenchmark(),
                new SubsetsBenchmark(),
                new CaseBenchmark(),
                new DecodeBenchmark(),
                new EndToEndBenchmark(),
                new VersusPythonBenchmark(),
                new CampaignBenchmark(),
                new SwapBenchmark(),
                new MemoryBenchmark(),
                new ScalingBenchmark());
    }

    @Spec
    private CommandSpec spec;

    private BenchCommand() {}

    /** Runs a command and ends the process with its exit code. */
    public static void main(String[] arguments) {
        CommandLine command = new CommandLine(new BenchCommand());
        for (Benchmark benchmark : benchmarks()) {
            CommandSpec run = CommandSpec.forAnnotatedObject(new Run(benchmark));
            run.usageMessage().description(benchmark.measures());
            run.addMixin("benchmark", CommandSpec.forAnnotatedObjectLenient(benchmark));
            command.addSubcommand(benchmark.name(), run);
        }
        System.exit(command.execute(arguments));
    }

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        benchmarks().forEach(benchmark -> out.printf("%-14s %s%n", benchmark.name(), benchmark.measures()));
        out.flush();
        return 0;
    }

    /** Runs one benchmark. */
    @Command(mixinStandardHelpOptions = true, sortOptions = false)
    private static final class Run implements Callable<Integer> {

        private final Benchmark benchmark;

        @Spec
        private CommandSpec spec;

        @Option(names = "--seed", description = "Of everything that is random. Default: ${DEFAULT-VALUE}.")
        private long seed = 1;

        Run(Benchmark benchmark) {
            this.benchmark = benchmark;
        }

        @Override
        public Integer call() throws Exception {
            PrintWriter out = spec.commandLine().getOut();
            out.println(benchmark.name() + ": " + benchmark.measures());
            out.println(Machine.description());
            out.println("seed: " + seed);
            out.flush();
            Path folder = Files.createTempDirectory("cloe-bench-");
            Figure figure;
            try {
                figure = benchmark.run(new Session(out, seed, folder));
            } finally {
                Utils.delete(folder.toFile());
            }
            out.println(Machine.load());
            out.println(figure.line());
            out.flush();
            return figure.met() ? 0 : 1;
        }
    }
}
