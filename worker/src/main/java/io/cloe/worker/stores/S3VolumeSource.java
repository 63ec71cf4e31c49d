package io.cloe.worker.stores;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.VolumeReference;
import io.cloe.worker.volume.Grid;
import io.cloe.worker.volume.LoadedVolume;
import io.cloe.worker.volume.VolumeException;
import io.cloe.worker.volume.VolumeReading;
import io.cloe.worker.volume.VolumeSource;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.core.ResponseInputStream;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;

/**
 * Volumes in an S3-compatible object store, below configured prefixes only. A location is {@code s3://BUCKET/KEY}, where characters of the
 * key that a URI does not allow, and percent signs, are percent-encoded. A volume is decoded while it arrives.
 */
final class S3VolumeSource implements VolumeSource {

    /** Holds any header, and the beginning of what deflate makes of it. */
    private static final int HEADER_BYTES = 1 << 14;

    private final List<S3Prefix> roots;
    private final S3Objects objects;
    private final VolumeReading reading;

    S3VolumeSource(List<S3Prefix> roots, S3Objects objects, VolumeReading reading) {
        this.roots = List.copyOf(roots);
        this.objects = objects;
        this.reading = reading;
    }

    @Override
    public LoadedVolume load(VolumeReference reference) throws VolumeException {
        return open(reference, Optional.empty(), (in, response) -> {
            long size = response.contentLength();
            reading.requireSize(size, reference);
            return reading.volume(in, size, reference);
        });
    }

    @Override
    public Optional<Grid> grid(VolumeReference reference) throws VolumeException {
        return open(reference, Optional.of(HEADER_BYTES), (in, response) -> Optional.of(reading.grid(in)));
    }

    private interface Use<T> {
        T of(ArrivingStream in, GetObjectResponse response) throws IOException, VolumeException;
    }

    private <T> T open(VolumeReference reference, Optional<Integer> firstBytes, Use<T> use) throws VolumeException {
        VolumeReading.requireFormat(reference);
        Location location = allowed(reference.getUri());
        long deadline = objects.deadline();
        try {
            ResponseInputStream<GetObjectResponse> body = objects.get(location.authority(), location.key(), firstBytes);
            try {
                var in = new ArrivingStream(body, body.response().contentLength(), deadline);
                return use.of(in, body.response());
            } finally {
                body.abort(); // closing would first read what is left of a volume that is refused
            }
        } catch (StoreFault e) {
            throw e.ofVolume();
        } catch (ArrivingStream.TransferException e) {
            throw VolumeException.retriable(FailureReason.VOLUME_IO, e.getMessage());
        } catch (IOException e) {
            throw VolumeException.retriable(
                    FailureReason.VOLUME_IO, "reading failed: " + e.getClass().getSimpleName());
        }
    }

    private Location allowed(String uri) throws VolumeException {
        Location location;
        try {
            location = Location.parse(uri);
        } catch (IllegalArgumentException e) {
            throw VolumeException.permanent(FailureReason.VOLUME_FORBIDDEN, e.getMessage());
        }
        if (roots.stream().noneMatch(root -> root.contains(location))) {
            throw VolumeException.permanent(
                    FailureReason.VOLUME_FORBIDDEN, "the location is outside the configured roots");
        }
        return location;
    }
}
