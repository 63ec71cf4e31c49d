package io.cloe.worker.stores;

import io.cloe.worker.masks.FileMaskStore;
import io.cloe.worker.masks.MaskInventory;
import io.cloe.worker.masks.MaskStore;
import io.cloe.worker.masks.MaskStoreException;
import io.cloe.worker.models.BundleObjects;
import io.cloe.worker.volume.FileVolumeSource;
import io.cloe.worker.volume.NiftiReader;
import io.cloe.worker.volume.VolumeReading;
import io.cloe.worker.volume.VolumeSource;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Optional;

/** Opens what volumes and bundles come from and masks go to, wherever that is. For one thread; what it opens is for any, until it is closed. */
public final class Stores implements AutoCloseable {

    private final StoreSettings settings;
    private final MeterRegistry meters;
    private S3Objects objects;

    /**
     * @param settings of object stores and web servers, where any is used
     * @param meters measures calls of them
     */
    public Stores(StoreSettings settings, MeterRegistry meters) {
        this.settings = settings;
        this.meters = meters;
    }

    /** Volumes below the roots, and nothing else. */
    public VolumeSource volumes(VolumeRoots roots, NiftiReader reader) {
        VolumeSource files = new FileVolumeSource(roots.folders(), reader);
        Optional<VolumeSource> buckets = roots.buckets().isEmpty()
                ? Optional.empty()
                : Optional.of(new S3VolumeSource(roots.buckets(), objects(), new VolumeReading(reader)));
        Optional<VolumeSource> servers = roots.servers().isEmpty()
                ? Optional.empty()
                : Optional.of(
                        new HttpVolumeSource(roots.servers(), settings.timeout(), new VolumeReading(reader), meters));
        return new VolumesByScheme(files, buckets, servers);
    }

    /**
     * Masks, for a worker that writes them.
     *
     * @throws MaskStoreException if they cannot be written
     */
    public MaskStore masks(MaskPlace place) throws MaskStoreException {
        if (place.bucket().isEmpty()) {
            return FileMaskStore.open(place.folder().orElseThrow());
        }
        S3MaskStore masks = new S3MaskStore(place.bucket().get(), objects());
        masks.probe();
        return masks;
    }

    /**
     * Masks that are there already, for a sweep.
     *
     * @throws MaskStoreException if they cannot be looked at
     */
    public MaskInventory inventory(MaskPlace place) throws MaskStoreException {
        return place.bucket().isEmpty()
                ? FileMaskStore.existing(place.folder().orElseThrow())
                : new S3MaskStore(place.bucket().get(), objects());
    }

    /** Bundles in an object store. */
    public BundleObjects bundles(S3Prefix place) {
        return new S3BundleObjects(place, objects());
    }

    private S3Objects objects() {
        if (objects == null) {
            objects = S3Objects.open(settings, meters);
        }
        return objects;
    }

    @Override
    public void close() {
        if (objects != null) {
            objects.close();
        }
    }
}
