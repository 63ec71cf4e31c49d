package io.cloe.worker.stores;

import io.cloe.schemas.VolumeReference;
import io.cloe.worker.volume.Grid;
import io.cloe.worker.volume.LoadedVolume;
import io.cloe.worker.volume.VolumeException;
import io.cloe.worker.volume.VolumeSource;
import java.util.Optional;

/** Asks the source that a location's scheme belongs to; the one for files gets the rest, and refuses what is no file. */
final class VolumesByScheme implements VolumeSource {

    private final VolumeSource files;
    private final Optional<VolumeSource> buckets;
    private final Optional<VolumeSource> servers;

    VolumesByScheme(VolumeSource files, Optional<VolumeSource> buckets, Optional<VolumeSource> servers) {
        this.files = files;
        this.buckets = buckets;
        this.servers = servers;
    }

    @Override
    public LoadedVolume load(VolumeReference reference) throws VolumeException {
        return sourceOf(reference.getUri()).load(reference);
    }

    @Override
    public Optional<Grid> grid(VolumeReference reference) throws VolumeException {
        return sourceOf(reference.getUri()).grid(reference);
    }

    private VolumeSource sourceOf(String uri) {
        if (buckets.isPresent() && S3Prefix.claims(uri)) {
            return buckets.get();
        }
        if (servers.isPresent() && HttpPrefix.claims(uri)) {
            return servers.get();
        }
        return files;
    }
}
