package io.cloe.standalone;

import io.cloe.worker.cli.CloeCommand;
import io.cloe.worker.cli.StopSignal;
import picocli.CommandLine;

/** The command {@code cloe} with what needs a broker of its own: {@code demo} and {@code broker}. */
public final class StandaloneCommand {

    private StandaloneCommand() {}

    /** The whole command line. */
    static CommandLine commandLine() {
        return CloeCommand.commandLine().addSubcommand(new DemoCommand()).addSubcommand(new BrokerCommand());
    }

    /** Runs a command and ends the process with its exit code. */
    public static void main(String[] arguments) throws InterruptedException {
        StopSignal.exit(commandLine().execute(arguments));
    }
}
