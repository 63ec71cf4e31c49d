package io.cloe.worker.execution;

import io.cloe.worker.masks.MaskName;
import io.cloe.worker.masks.MaskStore;
import io.cloe.worker.masks.MaskStoreException;
import io.cloe.worker.volume.MaskFile;
import java.net.URI;

/** A real store, with something that happens before each mask is created. */
record ForwardingMasks(MaskStore real, Runnable beforeCreate) implements MaskStore {

    @Override
    public URI create(MaskName name, MaskFile mask) throws MaskStoreException {
        beforeCreate.run();
        return real.create(name, mask);
    }

    @Override
    public byte[] read(URI location) throws MaskStoreException {
        return real.read(location);
    }
}
