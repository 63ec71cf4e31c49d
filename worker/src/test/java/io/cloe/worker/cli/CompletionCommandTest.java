package io.cloe.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class CompletionCommandTest {

    @TempDir
    Path folder;

    @Test
    void shouldCompleteCommandsAndOptionsWhenBashReadsTheScript() throws Exception {
        Assumptions.assumeTrue(Files.isExecutable(Path.of("/bin/bash")), "skipped: no bash");

        assertThat(completions("cloe", "su")).containsExactly("submit");
        assertThat(completions("cloe", "dead-letters", "re")).containsExactly("redrive");
        assertThat(completions("cloe", "watch", "--from")).containsExactly("--from-beginning");
    }

    private String[] completions(String... words) throws IOException, InterruptedException {
        StringWriter script = new StringWriter();
        CommandLine command = CloeCommand.commandLine();
        command.setOut(new PrintWriter(script));
        assertThat(command.execute("completion")).isEqualTo(ExitCode.OK);
        Path file = Files.writeString(folder.resolve("completion.sh"), script.toString());
        String ask = "source " + file + "; COMP_WORDS=(" + String.join(" ", words) + "); COMP_CWORD="
                + (words.length - 1) + "; $(complete -p cloe | sed -n 's/.*-F \\([^ ]*\\).*/\\1/p');"
                + " printf '%s\\n' \"${COMPREPLY[@]}\"";
        // compopt complains of being called outside of a completion.
        Process bash = new ProcessBuilder("/bin/bash", "-c", ask)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String answer = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(bash.waitFor()).as(answer).isZero();
        return answer.strip().split("\\s+");
    }
}
