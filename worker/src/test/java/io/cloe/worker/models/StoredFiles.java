package io.cloe.worker.models;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** Objects that are the files of a folder; away when they are told to be. */
public final class StoredFiles implements BundleObjects {

    /** Larger ones are not looked into. */
    private static final int SMALL = 1 << 20;

    private final Path folder;
    private final List<String> copied = new ArrayList<>();
    private volatile boolean away;
    private volatile String denied = "";

    public StoredFiles(Path folder) {
        this.folder = folder;
    }

    /** Whether nothing is answered. */
    public void away(boolean now) {
        away = now;
    }

    /** Denies one object, and no other. */
    void deny(String name) {
        denied = name;
    }

    /** Names of all objects that were read so far. */
    public List<String> copied() {
        return List.copyOf(copied);
    }

    @Override
    public List<Listed> list() throws BundleObjectsException {
        requireHere();
        try (Stream<Path> files = Files.walk(folder)) {
            List<Listed> objects = new ArrayList<>();
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                long size = Files.size(file);
                String version = size > SMALL ? "" : String.valueOf(Arrays.hashCode(Files.readAllBytes(file)));
                objects.add(new Listed(folder.relativize(file).toString(), size, version));
            }
            return objects;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void copy(String name, long most, OutputStream to) throws BundleObjectsException, IOException {
        requireHere();
        if (name.equals(denied)) {
            throw new BundleObjectsException("DENIED", "the store denies access");
        }
        copied.add(name);
        byte[] bytes = Files.readAllBytes(folder.resolve(name));
        to.write(bytes, 0, (int) Math.min(bytes.length, most));
    }

    private void requireHere() throws BundleObjectsException {
        if (away) {
            throw new BundleObjectsException("UNAVAILABLE", "the store does not serve the request");
        }
    }
}
