package io.cloe.worker.cli;

import io.cloe.worker.config.WorkerConfig;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code cloe config}. */
@Command(
        name = "config",
        description = "Configuration.",
        mixinStandardHelpOptions = true,
        subcommands = ConfigCommand.Docs.class)
final class ConfigCommand {

    /** {@code cloe config docs}. */
    @Command(
            name = "docs",
            description = "Prints every setting with type, default, what is allowed and what it does, as Markdown.",
            mixinStandardHelpOptions = true)
    static final class Docs implements Callable<Integer> {

        @Spec
        private CommandSpec spec;

        @Override
        public Integer call() {
            spec.commandLine().getOut().print(WorkerConfig.reference());
            spec.commandLine().getOut().flush();
            return ExitCode.OK;
        }
    }
}
