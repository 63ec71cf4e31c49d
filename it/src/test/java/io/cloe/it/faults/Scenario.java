package io.cloe.it.faults;

import io.cloe.schemas.FailureReason;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Something that goes wrong while studies come. Afterwards workers must be able to come to an end. */
public interface Scenario extends AutoCloseable {

    /** Name in tables and topics: letters, digits and hyphens. */
    String name();

    /** How many brokers it needs. */
    default int brokers() {
        return 1;
    }

    /**
     * Settings of its workers beside the usual ones.
     *
     * @param folder of the scenario
     */
    default Map<String, String> settings(Path folder) {
        return Map.of();
    }

    /** The failure that studies must have met, and got over: without it the scenario would have shown nothing. */
    default Optional<FailureReason> cause() {
        return Optional.empty();
    }

    /** What broke that only it promises, each by name; asked once it has run. */
    default List<String> problems() {
        return List.of();
    }

    /** Frees what it took of the machine; called after the verdict. */
    @Override
    default void close() throws Exception {}

    /**
     * Starts workers, lets something fail, and leaves at least one worker running.
     *
     * @throws NotPossibleException if this machine does not allow it
     */
    void run(Situation situation) throws Exception;
}
