package io.cloe.it.faults;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/** A worker is stopped in order, bytes of its state change, and it is started again: once the database, once all that lies there. */
final class CorruptedState implements Scenario {

    @Override
    public String name() {
        return "corrupted-state";
    }

    @Override
    public void run(Situation situation) throws Exception {
        Fleet fleet = situation.fleet();
        situation.startOneWorkerAndLoad();
        for (String part : List.of("rocksdb", "")) {
            situation.pass(Duration.ofSeconds(4));
            fleet.stop(0);
            corrupt(fleet.state(0), part, situation.random());
            fleet.start(0);
            fleet.supervise(0);
            fleet.awaitRunning(0);
        }
        situation.pass(Duration.ofSeconds(2));
    }

    /** Changes bytes in every file whose path holds the given text. */
    private static void corrupt(Path state, String part, Random random) throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.walk(state)) {
            files = all.filter(Files::isRegularFile)
                    .filter(file -> file.toString().contains(part))
                    .toList();
        }
        for (Path path : files) {
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                for (int change = 0; change < 16 && file.length() > 0; change++) {
                    file.seek((long) (random.nextDouble() * file.length()));
                    file.write(random.nextInt());
                }
            }
        }
    }
}
