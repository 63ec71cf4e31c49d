package io.cloe.worker.models;

import io.cloe.worker.bundle.ModelBundle;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A place with bundles, one per folder, each with its own manifest. Bundles may come and go while a worker runs. No method but
 * {@link #settle} waits for a store. For one thread.
 */
public interface ModelRepository extends AutoCloseable {

    /** Name of the repository itself among those that were {@linkplain #refused refused}. */
    String ITSELF = ".";

    /**
     * Why the files of a known bundle are not at hand.
     *
     * @param state whether that changes by itself
     * @param why one line for the operator
     */
    record Absence(State state, String why) {

        /** Whether it changes by itself. */
        public enum State {
            /** The files are being fetched. */
            FETCHING,
            /** They could not be fetched, and will be tried again. */
            WAITING,
            /** They are not what the manifest says; they are not tried again before they have changed. */
            REFUSED
        }
    }

    /** No bundles at all. */
    static ModelRepository none() {
        return new FolderRepository(Optional.empty());
    }

    /** Bundles in the subfolders of a folder. Whoever copies one there moves the finished folder in. */
    static ModelRepository inFolder(Path folder) {
        return new FolderRepository(Optional.of(folder));
    }

    /**
     * Bundles in an object store. Only manifests are read until somebody asks for a bundle.
     *
     * @param cache where fetched bundles are kept, over restarts too; for one worker
     * @throws IOException if the cache cannot be used
     */
    static ModelRepository inBucket(BundleObjects objects, Path cache) throws IOException {
        return new BucketRepository(objects, BundleCache.open(cache));
    }

    /** Looks for bundles that came, changed or went. What is found may be known later only. */
    void look();

    /** Waits until all that was asked for has been done, or has failed. */
    void settle() throws InterruptedException;

    /** All bundles whose manifests passed. */
    List<ModelBundle> bundles();

    /** Codes of why folders were refused, by the folder's name; {@link #ITSELF} if the repository cannot be read. */
    Map<String, String> refused();

    /** The bundle with a digest, if its files are at hand. If they are not, and the bundle is known, they are fetched. */
    Optional<ModelBundle> find(String digest);

    /** Why {@link #find} has nothing to give; empty if it has, or if the bundle is not known. */
    Optional<Absence> absence(String digest);

    /** Deletes the files of all other bundles, where they are copies. */
    void keep(Set<String> digests);

    @Override
    void close();
}
