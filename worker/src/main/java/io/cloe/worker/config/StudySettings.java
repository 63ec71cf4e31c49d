package io.cloe.worker.config;

import static org.apache.kafka.common.config.ConfigDef.Importance.HIGH;
import static org.apache.kafka.common.config.ConfigDef.Importance.LOW;
import static org.apache.kafka.common.config.ConfigDef.Importance.MEDIUM;
import static org.apache.kafka.common.config.ConfigDef.Range.between;

import io.cloe.topology.study.RequiredModalities;
import io.cloe.topology.study.RuleBook;
import io.cloe.topology.study.StudyRules;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigException;

/** The settings that say how studies are assembled; part of the worker's, and all that a dry run of rules needs. */
public final class StudySettings {

    public static final String STUDY_TIMEOUT = "study.timeout";
    public static final String STUDY_LONGEST_WAIT = "study.longest-wait";
    public static final String STUDY_SETTLE = "study.settle";
    public static final String STUDY_RETENTION = "study.retention";
    public static final String STUDY_REQUIRED = "study.required";
    public static final String STUDY_ON_INCOMPLETE = "study.on-incomplete";
    public static final String STUDY_HISTORY = "study.history";
    public static final String RETRY_ATTEMPTS = "retry.attempts";
    public static final String RETRY_FIRST_DELAY = "retry.first-delay";
    public static final String RETRY_LONGEST_DELAY = "retry.longest-delay";
    public static final String STUDY_RULES = "study.rules";

    static final ConfigDef DEFINITION = new ConfigDef()
            .define(
                    STUDY_TIMEOUT,
                    Type.STRING,
                    "15m",
                    duration(),
                    HIGH,
                    "How long to wait for further scans after a study's first.")
            .define(
                    STUDY_REQUIRED,
                    Type.STRING,
                    "any",
                    requiredModalities(),
                    HIGH,
                    "Modalities without which an incomplete study does not run: any, or an expression such as"
                            + " T1CE and (T2 or FLAIR).")
            .define(
                    STUDY_ON_INCOMPLETE,
                    Type.STRING,
                    "run",
                    ConfigDef.ValidString.in("run", "wait", "discard"),
                    HIGH,
                    "What happens at the deadline when required modalities are missing: run with what is there, wait for"
                            + " them, or discard the study as failed.")
            .define(
                    STUDY_SETTLE,
                    Type.STRING,
                    "5s",
                    duration(),
                    MEDIUM,
                    "How long to collect late, corrected and retracted scans after a result before a new revision runs.")
            .define(
                    STUDY_RETENTION,
                    Type.STRING,
                    "30d",
                    duration(),
                    MEDIUM,
                    "How long a closed study is kept for late scans.")
            .define(
                    STUDY_LONGEST_WAIT,
                    Type.STRING,
                    "7d",
                    duration(),
                    LOW,
                    "Upper bound of deadlines that events and commands name.")
            .define(STUDY_HISTORY, Type.INT, 64, between(8, 1_000), LOW, "Steps of its story kept per study.")
            .define(
                    RETRY_ATTEMPTS,
                    Type.INT,
                    5,
                    between(1, 100),
                    MEDIUM,
                    "Attempts at a job that fails for a reason that may go away, such as a file that is not there yet.")
            .define(
                    RETRY_FIRST_DELAY,
                    Type.STRING,
                    "2s",
                    duration(),
                    LOW,
                    "Wait before the second attempt; doubled for each further one.")
            .define(RETRY_LONGEST_DELAY, Type.STRING, "5m", duration(), LOW, "Upper bound of a wait between attempts.")
            .define(
                    STUDY_RULES,
                    Type.STRING,
                    "",
                    Validators.text("the path of a YAML file, or nothing", Path::of),
                    MEDIUM,
                    "YAML file with special rules for studies by their attributes; see worker/docs/study-rules.md.");

    private StudySettings() {}

    /**
     * The rules from settings that need not be a worker's; what does not concern studies is left aside.
     *
     * @throws ConfigurationException if a setting is wrong, or the rule file is
     */
    public static RuleBook rules(Map<String, String> settings) throws ConfigurationException {
        Map<String, String> own = new HashMap<>(settings);
        own.keySet().retainAll(DEFINITION.names());
        try {
            return rules(new AbstractConfig(DEFINITION, own, false));
        } catch (ConfigException e) {
            throw new ConfigurationException(e.getMessage());
        }
    }

    static RuleBook rules(AbstractConfig parsed) throws ConfigurationException {
        StudyRules general = general(parsed);
        String file = parsed.getString(STUDY_RULES);
        return file.isEmpty() ? RuleBook.of(general) : RuleFile.read(Path.of(file), general);
    }

    private static StudyRules general(AbstractConfig parsed) {
        return new StudyRules(
                duration(parsed, STUDY_TIMEOUT),
                duration(parsed, STUDY_LONGEST_WAIT),
                duration(parsed, STUDY_SETTLE),
                duration(parsed, STUDY_RETENTION),
                RequiredModalities.parse(parsed.getString(STUDY_REQUIRED)),
                onIncomplete(parsed.getString(STUDY_ON_INCOMPLETE)),
                new StudyRules.Retry(
                        parsed.getInt(RETRY_ATTEMPTS),
                        duration(parsed, RETRY_FIRST_DELAY),
                        duration(parsed, RETRY_LONGEST_DELAY)),
                parsed.getInt(STUDY_HISTORY));
    }

    /** The choice by its name in lower case. */
    static StudyRules.OnIncomplete onIncomplete(String name) {
        return StudyRules.OnIncomplete.valueOf(name.toUpperCase(Locale.ROOT));
    }

    private static Duration duration(AbstractConfig parsed, String key) {
        return DurationText.parse(parsed.getString(key));
    }

    private static ConfigDef.Validator duration() {
        return Validators.text(DurationText.ALLOWED, DurationText::parse);
    }

    private static ConfigDef.Validator requiredModalities() {
        return Validators.text(
                "any, or modality names joined by 'and', 'or' and parentheses", RequiredModalities::parse);
    }
}
