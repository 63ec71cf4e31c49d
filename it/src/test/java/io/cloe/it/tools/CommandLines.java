package io.cloe.it.tools;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.worker.cli.CloeCommand;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;

/** The command line, in this process, as somebody uses it against one worker group. */
public final class CommandLines {

    private final List<String> settings = new ArrayList<>();

    /** @param settings given to each command with {@code -D} */
    public CommandLines(Map<String, String> settings) {
        settings.forEach((key, value) -> this.settings.addAll(List.of("-D", key + "=" + value)));
    }

    /**
     * What a command came to.
     *
     * @param code exit code
     * @param out what it printed
     * @param err what it complained of
     */
    public record Said(int code, String out, String err) {}

    /** Runs a command that must succeed, and gives what it printed. */
    public String run(String... arguments) {
        Said said = say(arguments);
        assertThat(said.code()).as(said.out() + said.err()).isZero();
        return said.out();
    }

    /** Runs a command that must fail, and gives what it complained of. */
    public String refused(String... arguments) {
        Said said = say(arguments);
        assertThat(said.code()).as(said.out() + said.err()).isNotZero();
        return said.err();
    }

    /** Runs a command. */
    public Said say(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine command = CloeCommand.commandLine();
        command.setOut(new PrintWriter(out, true));
        command.setErr(new PrintWriter(err, true));
        List<String> all = new ArrayList<>(List.of(arguments));
        all.addAll(settings);
        return new Said(command.execute(all.toArray(String[]::new)), out.toString(), err.toString());
    }
}
