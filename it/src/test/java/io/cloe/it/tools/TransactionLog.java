package io.cloe.it.tools;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;

/**
 * Which transactions wrote the records of a partition, from the broker's own files: consumers are not told. With transactions of
 * version 2 the producer's epoch grows with every transaction, so that producer id and epoch name one.
 */
public final class TransactionLog {

    private final List<Batch> batches = new ArrayList<>();

    /**
     * A transaction.
     *
     * @param producerId who wrote
     * @param epoch grows with every transaction of a producer
     */
    public record Transaction(long producerId, short epoch) {}

    private record Batch(long first, long last, Transaction transaction, boolean marker, boolean committed) {}

    private TransactionLog() {}

    /**
     * Reads a partition.
     *
     * @param data the broker's data folder
     * @param partition such as {@code segmentations-0}
     */
    public static TransactionLog of(Path data, String partition) throws IOException {
        TransactionLog log = new TransactionLog();
        try (Stream<Path> files = Files.list(data.resolve(partition))) {
            for (Path segment : files.filter(file -> file.toString().endsWith(".log"))
                    .sorted()
                    .toList()) {
                log.read(segment);
            }
        }
        return log;
    }

    private void read(Path segment) throws IOException {
        FileRecords records = FileRecords.open(segment.toFile(), false);
        try {
            for (RecordBatch batch : records.batches()) {
                Transaction transaction =
                        batch.isTransactional() ? new Transaction(batch.producerId(), batch.producerEpoch()) : null;
                boolean committed = false;
                if (batch.isControlBatch()) {
                    Record marker = batch.iterator().next();
                    committed = ControlRecordType.parse(marker.key()) == ControlRecordType.COMMIT;
                }
                batches.add(new Batch(
                        batch.baseOffset(), batch.lastOffset(), transaction, batch.isControlBatch(), committed));
            }
        } finally {
            // Not close(): that would cut off what the broker has appended since the file was opened.
            records.closeHandlers();
        }
    }

    /** The transaction that wrote the record at an offset; empty if none did. */
    public Optional<Transaction> writer(long offset) {
        return batches.stream()
                .filter(batch -> !batch.marker() && batch.first() <= offset && offset <= batch.last())
                .findFirst()
                .map(Batch::transaction);
    }

    /** The transactions that ended here, committed or aborted, each with the epoch that it ended with. */
    public Set<Transaction> ended() {
        return batches.stream()
                .filter(batch -> batch.marker() && batch.transaction() != null)
                .map(Batch::transaction)
                .collect(Collectors.toSet());
    }

    /** Whether a transaction wrote here. */
    public boolean holds(Transaction transaction) {
        return batches.stream().anyMatch(batch -> !batch.marker() && transaction.equals(batch.transaction()));
    }

    /** Whether a transaction was committed here: its marker says so. */
    public boolean committed(Transaction transaction) {
        return batches.stream()
                .anyMatch(batch -> batch.marker()
                        && batch.committed()
                        && batch.transaction() != null
                        && batch.transaction().producerId() == transaction.producerId()
                        // The marker of a version 2 transaction carries the epoch that it ends with.
                        && batch.transaction().epoch() >= transaction.epoch());
    }
}
