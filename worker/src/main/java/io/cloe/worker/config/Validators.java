package io.cloe.worker.config;

import java.util.function.Consumer;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigException;

/** Validators of settings. */
final class Validators {

    private Validators() {}

    /** A validator from a parser that throws IllegalArgumentException. */
    static ConfigDef.Validator text(String allowed, Consumer<String> parser) {
        return ConfigDef.LambdaValidator.with(
                (key, value) -> {
                    try {
                        parser.accept((String) value);
                    } catch (IllegalArgumentException e) {
                        boolean explained =
                                e.getMessage() != null && e.getMessage().contains("; allowed: ");
                        throw new ConfigException(key, value, explained ? e.getMessage() : "allowed: " + allowed);
                    }
                },
                () -> allowed);
    }
}
