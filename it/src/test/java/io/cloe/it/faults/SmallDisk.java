package io.cloe.it.faults;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** A file system of a few megabytes that can be filled up and made read-only. Needs the right to mount. */
final class SmallDisk implements AutoCloseable {

    private static final int CHUNK = 64 << 10;

    private final Path folder;

    private SmallDisk(Path folder) {
        this.folder = folder;
    }

    /**
     * Mounts one.
     *
     * @throws NotPossibleException if this process may not mount
     */
    static SmallDisk mount(Path folder, int mebibytes) throws IOException, NotPossibleException {
        Files.createDirectories(folder);
        if (run("mount", "-t", "tmpfs", "-o", "size=" + mebibytes + "m", "tmpfs", folder.toString()) != 0) {
            throw new NotPossibleException("file systems cannot be mounted here");
        }
        return new SmallDisk(folder);
    }

    /** Takes all the space that is left. */
    void fill() throws IOException {
        byte[] chunk = new byte[CHUNK];
        try (OutputStream out = Files.newOutputStream(filler(), StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
            while (true) {
                out.write(chunk);
            }
        } catch (IOException e) {
            if (Files.getFileStore(folder).getUsableSpace() >= CHUNK) {
                throw e;
            }
        }
    }

    /** Gives the space back. */
    void free() throws IOException {
        Files.deleteIfExists(filler());
    }

    private Path filler() {
        return folder.resolve(".filler");
    }

    /** Refuses every write from now on, or takes them again. */
    void readOnly(boolean refuse) throws IOException {
        if (run("mount", "-o", "remount," + (refuse ? "ro" : "rw"), folder.toString()) != 0) {
            throw new IOException("cannot remount");
        }
    }

    @Override
    public void close() throws IOException {
        // Lazily: a process that ends may still hold a file open.
        run("umount", "-l", folder.toString());
    }

    private static int run(String... command) throws IOException {
        try {
            return new ProcessBuilder(List.of(command))
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start()
                    .waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
