package io.cloe.it.matrix;

import io.cloe.topology.matrix.Answer;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Something that turns scan events on a topic into one result per study on another. */
public interface Contender {

    /** Its name in the table; without spaces. */
    String title();

    /**
     * Starts a member of its group, which shares the work with the others of the same site.
     *
     * @param state folder that a restarted member finds again
     */
    Member join(Site site, Path state) throws Exception;

    /** The topic that its results are in. */
    String resultTopic(Site site);

    /** Reads a result. */
    Answer answer(ConsumerRecord<byte[], byte[]> result);

    /** When, after the last scan, all that can come must have come. */
    Duration longestWait(Duration timeout);

    /** A running member. */
    interface Member extends AutoCloseable {

        /** How many partitions of the scan events are its own now. */
        int partitions();

        /** Leaves the group in order. */
        @Override
        void close();
    }
}
