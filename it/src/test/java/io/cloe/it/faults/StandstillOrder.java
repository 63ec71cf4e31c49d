package io.cloe.it.faults;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/**
 * What workers are told: that one stands still when it takes a step for the how manieth time. It lies in a file until a worker takes it;
 * the file that this leaves is there as long as that worker stands.
 *
 * @param number unlike that of any other order to the same workers
 * @param turn from 1, counted by each worker for itself
 */
record StandstillOrder(int number, Step step, int turn) {

    /** Gives it to those who look into the file. */
    void give(Path file) throws IOException {
        Files.createDirectories(file.getParent());
        Path whole = Files.writeString(file.resolveSibling("order-" + number), number + " " + step + " " + turn);
        Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE);
    }

    /** What is ordered in the file. */
    static Optional<StandstillOrder> read(Path file) throws IOException {
        try {
            String[] words = Files.readString(file).split(" ");
            return Optional.of(new StandstillOrder(
                    Integer.parseInt(words[0]), Step.valueOf(words[1]), Integer.parseInt(words[2])));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /** Takes it, unless another worker was faster. */
    boolean take(Path file) throws IOException {
        try {
            Files.move(file, standing(file), StandardCopyOption.ATOMIC_MOVE);
            return true;
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    /** The file that is there as long as a worker stands still. */
    Path standing(Path file) {
        return file.resolveSibling("standing-" + number);
    }

    /** What a worker says when it stands still. */
    String reached() {
        return "standstill " + number + " at " + step;
    }

    /** What a worker says when it goes on. */
    String left() {
        return "on from standstill " + number;
    }
}
