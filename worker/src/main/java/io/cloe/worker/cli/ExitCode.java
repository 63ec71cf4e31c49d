package io.cloe.worker.cli;

import io.cloe.worker.kafka.StartupException;

/** Exit codes; {@code cloe --help} says what they mean. */
public final class ExitCode {

    /** All went well. */
    public static final int OK = 0;
    /** Something failed that none of the others says. */
    public static final int FAILED = 1;
    /** Wrong usage or configuration. */
    public static final int CONFIGURATION = 2;
    /** No broker answers, or topics are missing or do not fit. */
    public static final int KAFKA = 3;
    /** A model bundle was refused. */
    public static final int MODEL = 4;
    /** The device cannot be used. */
    public static final int DEVICE = 5;
    /** The mask directory cannot be used. */
    public static final int MASK_STORE = 6;
    /** Not all that was waited for came in time. */
    public static final int TIMEOUT = 7;

    /** The admin HTTP server cannot listen where it is told to. */
    public static final int ADMIN_HTTP = 8;

    /** The schema registry does not answer, or refuses a schema. */
    public static final int REGISTRY = 9;

    private ExitCode() {}

    static int of(StartupException.Kind kind) {
        return switch (kind) {
            case KAFKA_UNREACHABLE, TOPICS -> KAFKA;
            case MODEL -> MODEL;
            case DEVICE -> DEVICE;
            case MASK_STORE -> MASK_STORE;
            case ADMIN_HTTP -> ADMIN_HTTP;
            case REGISTRY -> REGISTRY;
        };
    }
}
