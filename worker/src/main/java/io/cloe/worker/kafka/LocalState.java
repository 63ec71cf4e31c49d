package io.cloe.worker.kafka;

import java.io.IOException;
import java.nio.file.Path;
import org.apache.kafka.common.utils.Utils;
import org.rocksdb.RocksDBException;
import org.rocksdb.Status;

/**
 * What Kafka Streams keeps on the local disk. It is a copy of what the changelog topics hold: when it cannot be read it is thrown away,
 * and restored from there.
 */
final class LocalState {

    /** RocksDB's Java interface has no code for it. */
    private static final String FILE_MISSING = "No such file or directory";

    private final Path folder;

    /** Of an application, in a state directory. */
    LocalState(Path stateDirectory, String applicationId) {
        this.folder = stateDirectory.resolve(applicationId);
    }

    /**
     * Whether a failure says that what lies there is damaged. A full disk, or one that refuses access, is not: what lies there may
     * be read again once that is mended.
     */
    static boolean isDamaged(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof RocksDBException database) {
                return isDamaged(database.getStatus());
            }
        }
        return false;
    }

    private static boolean isDamaged(Status status) {
        return status != null
                && switch (status.getCode()) {
                    case Corruption, InvalidArgument, NotFound, NotSupported -> true;
                    case IOError ->
                        status.getState() != null && status.getState().contains(FILE_MISSING);
                    default -> false;
                };
    }

    /** Throws it away. Nothing may be using it. */
    void discard() throws IOException {
        Utils.delete(folder.toFile());
    }
}
