package io.cloe.standalone;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class CommandReferenceTest {

    private static final Path KEPT = Path.of("../docs/commands.md");

    /** {@code -Dcloe.docs.accept} rewrites the file after a command has changed. */
    @Test
    void shouldBeWhatTheDocumentSaysWhenTheReferenceIsMade() throws IOException {
        String made = new CommandReference(StandaloneCommand.commandLine()).markdown();

        if (System.getProperty("cloe.docs.accept") != null) {
            Files.writeString(KEPT, made);
        }
        assertThat(KEPT)
                .as("deploy/docs/commands.md is made from the commands: run the tests of deploy/standalone once with"
                        + " -DargLine=-Dcloe.docs.accept=1")
                .hasContent(made);
    }
}
