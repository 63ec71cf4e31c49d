package io.cloe.worker.stores;

import io.cloe.worker.models.BundleObjects;
import io.cloe.worker.models.BundleObjectsException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.core.ResponseInputStream;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;

/** Bundles in an S3-compatible object store. */
final class S3BundleObjects implements BundleObjects {

    private static final int CHUNK_BYTES = 1 << 16;

    private final S3Prefix place;
    private final S3Objects objects;

    S3BundleObjects(S3Prefix place, S3Objects objects) {
        this.place = place;
        this.objects = objects;
    }

    @Override
    public List<Listed> list() throws BundleObjectsException {
        try {
            return objects.list(place).stream()
                    .map(object -> new Listed(
                            object.key().substring(place.prefix().length()),
                            object.size(),
                            object.eTag() + " " + object.lastModified()))
                    .toList();
        } catch (StoreFault e) {
            throw e.ofBundle();
        }
    }

    @Override
    public void copy(String name, long most, OutputStream to) throws BundleObjectsException, IOException {
        long deadline = objects.deadline();
        try {
            ResponseInputStream<GetObjectResponse> body =
                    objects.get(place.bucket(), place.prefix() + name, Optional.empty());
            try {
                long length = body.response().contentLength();
                copy(new ArrivingStream(body, length, deadline), most, to);
            } finally {
                body.abort(); // closing would first read what is left of an object that is too long
            }
        } catch (StoreFault e) {
            throw e.ofBundle();
        }
    }

    private static void copy(InputStream from, long most, OutputStream to) throws BundleObjectsException, IOException {
        byte[] chunk = new byte[CHUNK_BYTES];
        long left = most;
        while (left > 0) {
            int read = read(from, chunk, (int) Math.min(left, chunk.length));
            if (read < 0) {
                return;
            }
            to.write(chunk, 0, read);
            left -= read;
        }
    }

    /** Tells what the network does from what the disk does. */
    private static int read(InputStream from, byte[] chunk, int most) throws BundleObjectsException {
        try {
            return from.read(chunk, 0, most);
        } catch (IOException e) {
            String why = e instanceof ArrivingStream.TransferException
                    ? e.getMessage()
                    : e.getClass().getSimpleName();
            throw new BundleObjectsException(StoreFault.Kind.UNAVAILABLE.name(), why);
        }
    }
}
