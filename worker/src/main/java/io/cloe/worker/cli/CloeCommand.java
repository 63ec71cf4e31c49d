package io.cloe.worker.cli;

import io.cloe.schemas.registry.RegistryException;
import io.cloe.worker.config.ConfigurationException;
import io.cloe.worker.kafka.StartupException;
import java.io.PrintWriter;
import java.util.Optional;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.ParseResult;

/** The command {@code cloe}. */
@Command(
        name = "cloe",
        description = {
            "Assembles brain MRI studies on Kafka and segments them with whichever modalities arrived.",
            "Models shipped with this project are for demonstration, NOT FOR CLINICAL USE.",
            ""
        },
        mixinStandardHelpOptions = true,
        versionProvider = CloeCommand.Version.class,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            RunCommand.class,
            SubmitCommand.class,
            WatchCommand.class,
            WhyCommand.class,
            StudyOrder.Force.class,
            StudyOrder.Hold.class,
            StudyOrder.Extend.class,
            StudyOrder.Cancel.class,
            RulesCommand.class,
            DeadLettersCommand.class,
            TopicsCommand.class,
            MasksCommand.class,
            ModelCommand.class,
            ReprocessCommand.class,
            DeviceCommand.class,
            ConfigCommand.class,
            CompletionCommand.class,
            CommandLine.HelpCommand.class
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:all went well",
            "1:something failed that no other code says",
            "2:wrong usage or configuration",
            "3:no Kafka broker answers, or topics are missing or do not fit",
            "4:a model bundle was refused",
            "5:the device cannot be used",
            "6:the mask directory cannot be used",
            "7:not all that was waited for came in time",
            "8:the admin HTTP server cannot listen at its address",
            "9:the schema registry does not answer, or refuses a schema",
            "143:stopped by SIGTERM (130: by Ctrl-C); what ran was closed first"
        })
public final class CloeCommand {

    private CloeCommand() {}

    /** The command line, to which a distribution may add subcommands. */
    public static CommandLine commandLine() {
        CommandLine root = new CommandLine(new CloeCommand())
                .setExecutionExceptionHandler(new OneLineErrors())
                .setExitCodeExceptionMapper(failure ->
                        failure instanceof CommandLine.ParameterException ? ExitCode.CONFIGURATION : ExitCode.FAILED)
                .setCaseInsensitiveEnumValuesAllowed(true);
        HelpExamples.addTo(root);
        return root;
    }

    /** Runs a command and ends the process with its exit code. */
    public static void main(String[] arguments) throws InterruptedException {
        StopSignal.exit(commandLine().execute(arguments));
    }

    /** Errors that an operator can mend are one line; anything else keeps its stack. */
    private static final class OneLineErrors implements IExecutionExceptionHandler {

        @Override
        public int handleExecutionException(Exception failure, CommandLine command, ParseResult parsed)
                throws Exception {
            PrintWriter err = command.getErr();
            if (failure instanceof ConfigurationException) {
                err.println(red(command, "cloe: " + failure.getMessage()));
                return ExitCode.CONFIGURATION;
            }
            if (failure instanceof StartupException startup) {
                err.println(red(command, "cloe: " + startup.getMessage()));
                return ExitCode.of(startup.kind());
            }
            if (failure instanceof UserErrorException) {
                err.println(red(command, "cloe: " + failure.getMessage()));
                return ExitCode.CONFIGURATION;
            }
            Optional<ConfigException> refused = refusedByKafka(failure);
            if (refused.isPresent()) {
                err.println(
                        red(command, "cloe: Kafka's settings: " + refused.get().getMessage()));
                return ExitCode.CONFIGURATION;
            }
            if (failure instanceof RegistryException) {
                err.println("cloe: schema registry: " + failure.getMessage());
                return ExitCode.REGISTRY;
            }
            if (failure instanceof KafkaException) {
                err.println(red(command, "cloe: Kafka: " + failure.getMessage()));
                return ExitCode.KAFKA;
            }
            throw failure;
        }

        /** On a terminal only; NO_COLOR=1 prevents it there. */
        private static String red(CommandLine command, String line) {
            // Not by the scheme's own markup, which would read what stands in the message.
            return command.getColorScheme().ansi().enabled() ? "\u001b[1;31m" + line + "\u001b[0m" : line;
        }

        /** Kafka's clients check their settings when they are made, and wrap what they find. */
        private static Optional<ConfigException> refusedByKafka(Throwable failure) {
            for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
                if (cause instanceof ConfigException refused) {
                    return Optional.of(refused);
                }
            }
            return Optional.empty();
        }
    }

    /** Version from the jar's manifest. */
    static final class Version implements IVersionProvider {

        @Override
        public String[] getVersion() {
            String version = CloeCommand.class.getPackage().getImplementationVersion();
            return new String[] {"cloe " + (version == null ? "(development build)" : version)};
        }
    }
}
