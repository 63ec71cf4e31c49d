package io.cloe.worker.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** A command that speaks with running workers by their topics. */
abstract class WorkerCommand implements Callable<Integer> {

    @Mixin
    SettingsOptions settings;

    @Spec
    CommandSpec spec;

    /** Prints a line that is seen at once, however long the command goes on. */
    final void print(Object line) {
        spec.commandLine().getOut().println(line);
        spec.commandLine().getOut().flush();
    }

    /** Says what went wrong. */
    final void complain(String what) {
        spec.commandLine().getErr().println("cloe: " + what);
    }
}
