package io.cloe.worker.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.kafka.streams.errors.ProcessorStateException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;

class LocalStateTest {

    @TempDir
    Path folder;

    private Path database;

    @BeforeEach
    void fill() throws RocksDBException {
        database = folder.resolve("application").resolve("studies");
        database.getParent().toFile().mkdirs();
        open();
    }

    private void open() throws RocksDBException {
        RocksDB.loadLibrary();
        try (Options options = new Options().setCreateIfMissing(true);
                RocksDB rocks = RocksDB.open(options, database.toString())) {
            rocks.put("key".getBytes(StandardCharsets.UTF_8), new byte[100]);
        }
    }

    private Throwable failureToOpen() {
        return new ProcessorStateException("Error opening store", catchThrowable(this::open));
    }

    @Test
    void shouldBeDamagedWhenADatabaseFileHasOtherBytes() throws IOException {
        Files.writeString(database.resolve("CURRENT"), "nonsense");

        assertThat(LocalState.isDamaged(failureToOpen())).isTrue();
    }

    @Test
    void shouldBeDamagedWhenADatabaseFileIsMissing() throws IOException {
        String manifest = Files.readString(database.resolve("CURRENT")).strip();
        Files.delete(database.resolve(manifest));

        assertThat(LocalState.isDamaged(failureToOpen())).isTrue();
    }

    @Test
    void shouldNotBeDamagedWhenSomethingElseFails() {
        assertThat(LocalState.isDamaged(new ProcessorStateException("x", new IOException("No space left on device"))))
                .isFalse();
        assertThat(LocalState.isDamaged(new IllegalStateException())).isFalse();
    }

    @Test
    void shouldOpenAgainWhenDiscarded() throws Exception {
        Files.writeString(database.resolve("CURRENT"), "nonsense");

        new LocalState(folder, "application").discard();

        assertThat(folder.resolve("application")).doesNotExist();
        database.getParent().toFile().mkdirs();
        open();
    }
}
