package io.cloe.worker.models;

import java.io.IOException;
import java.io.OutputStream;
import java.util.List;

/** The objects below the place of an object store that holds bundles. For any number of threads. */
public interface BundleObjects {

    /**
     * An object.
     *
     * @param name what follows the place, with {@code /} between folders
     * @param bytes its size
     * @param version another one when it was written anew
     */
    record Listed(String name, long bytes, String version) {}

    /**
     * All objects of the place.
     *
     * @throws BundleObjectsException if the store does not tell
     */
    List<Listed> list() throws BundleObjectsException;

    /**
     * Copies an object.
     *
     * @param most bytes; what is more is left out
     * @throws BundleObjectsException if the store does not give it
     * @throws IOException if it cannot be written
     */
    void copy(String name, long most, OutputStream to) throws BundleObjectsException, IOException;
}
