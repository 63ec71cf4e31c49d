package io.cloe.worker;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.status.Status;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class LogFormatTest {

    private static String lineAs(String format) throws Exception {
        LoggerContext context = new LoggerContext();
        context.putProperty("LOG_FORMAT", format);
        JoranConfigurator configurator = new JoranConfigurator();
        configurator.setContext(context);
        configurator.doConfigure(LogFormatTest.class.getResource("/logback.xml"));
        // A warning about its own configuration makes Logback print all that it did, before the first line of ours.
        assertThat(context.getStatusManager().getCopyOfStatusList())
                .noneMatch(status -> status.getEffectiveLevel() >= Status.WARN);
        try {
            Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
            ConsoleAppender<ILoggingEvent> appender = (ConsoleAppender<ILoggingEvent>) root.getAppender("console");
            LoggingEvent event = new LoggingEvent(
                    "here", context.getLogger("io.cloe.test"), Level.WARN, "two {} \"{}\"", null, new Object[] {1, "a"
                    });
            return new String(appender.getEncoder().encode(event), StandardCharsets.UTF_8);
        } finally {
            context.stop();
        }
    }

    @Test
    void shouldBeOneObjectPerLineWhenJsonIsAskedFor() throws Exception {
        String line = lineAs("json");

        assertThat(line).endsWith("\n");
        assertThat(line.strip()).doesNotContain("\n");
        JsonNode object = new ObjectMapper().readTree(line);
        assertThat(object.get("level").asText()).isEqualTo("WARN");
        assertThat(object.get("loggerName").asText()).isEqualTo("io.cloe.test");
        assertThat(object.get("formattedMessage").asText()).isEqualTo("two 1 \"a\"");
        assertThat(object.has("timestamp")).isTrue();
    }

    @Test
    void shouldBeReadableWhenTextIsAskedFor() throws Exception {
        assertThat(lineAs("text")).contains("WARN", "two 1 \"a\"");
    }
}
