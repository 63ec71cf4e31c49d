package io.cloe.worker;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.PatternLayout;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import org.slf4j.LoggerFactory;

/** Everything that is logged at any level while it is open, as it would be printed, with stacks and causes. */
public final class RecordedLog implements AutoCloseable {

    private final Logger root;
    private final Logger ours;

    private final Level ourLevel;
    private final Recorder recorder = new Recorder();

    public RecordedLog() {
        LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
        root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        ours = context.getLogger("io.cloe");

        ourLevel = ours.getLevel();
        recorder.setContext(context);
        recorder.start();
        root.addAppender(recorder);
        ours.setLevel(Level.ALL);
    }

    public String text() {
        return recorder.lines.stream().collect(Collectors.joining());
    }

    @Override
    public void close() {
        root.detachAppender(recorder);
        recorder.stop();

        ours.setLevel(ourLevel);
    }

    private static final class Recorder extends AppenderBase<ILoggingEvent> {

        private final CopyOnWriteArrayList<String> lines = new CopyOnWriteArrayList<>();
        private final PatternLayout layout = new PatternLayout();

        @Override
        public void start() {
            layout.setContext(getContext());
            layout.setPattern("%level [%thread] %logger - %msg %mdc %ex%n");
            layout.start();
            super.start();
        }

        @Override
        protected void append(ILoggingEvent event) {
            lines.add(layout.doLayout(event));
        }
    }
}
