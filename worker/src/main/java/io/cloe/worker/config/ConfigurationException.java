package io.cloe.worker.config;

/** A setting that is missing, unknown or out of range. The message is one line that names key, value and what is allowed. */
public final class ConfigurationException extends Exception {

    private static final long serialVersionUID = 1L;

    /** With the line for the operator. Line breaks of quoted values become spaces. */
    public ConfigurationException(String message) {
        super(message.replaceAll("\\R", " "));
    }
}
