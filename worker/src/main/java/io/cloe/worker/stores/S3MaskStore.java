package io.cloe.worker.stores;

import io.cloe.worker.masks.MaskInventory;
import io.cloe.worker.masks.MaskName;
import io.cloe.worker.masks.MaskStore;
import io.cloe.worker.masks.MaskStoreException;
import io.cloe.worker.masks.StoredMask;
import io.cloe.worker.stores.StoreFault.Kind;
import io.cloe.worker.volume.MaskFile;
import io.cloe.worker.volume.Sha256;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import software.amazon.awssdk.core.ResponseInputStream;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;

/**
 * Masks in an S3-compatible object store. A mask is created with a condition that fails if its name is taken, so it appears whole, once,
 * and is never written over.
 *
 * <p>A replay that finds its mask there takes it only while no sweep may be about to delete it; of an older one it makes another copy,
 * under the next name. So a sweep can delete what nobody refers to without asking the workers, although an object store cannot look at an
 * object's age and delete it in one step.
 */
final class S3MaskStore implements MaskStore, MaskInventory {

    /** A mask is taken for a replay until this age; a sweep deletes none that is younger than twice as much. */
    static final Duration TAKEN_UNTIL = Duration.ofMinutes(30);

    private static final int MOST_COPIES = 32;
    private static final int ATTEMPTS = 5;
    private static final String PROBE = ".probe";
    private static final String UPLOAD = "#";

    /** What {@link MaskName} makes; further copies have a number more. */
    private static final Pattern MASK = Pattern.compile("[^/]+/r[0-9]+(?:-[0-9a-f]+){3,4}\\.nii\\.gz");

    private static final String ENDING = ".nii.gz";

    private final S3Prefix place;
    private final S3Objects objects;

    S3MaskStore(S3Prefix place, S3Objects objects) {
        this.place = place;
        this.objects = objects;
    }

    /**
     * Makes sure that the store can be written to, and that it never writes over what is there.
     *
     * @throws MaskStoreException if it cannot, or does not keep to the condition
     */
    void probe() throws MaskStoreException {
        byte[] bytes = "Shows that masks can be created here.\n".getBytes(StandardCharsets.US_ASCII);
        String sha256 = Sha256.of(bytes);
        for (int time = 0; time < 2; time++) {
            try {
                objects.create(place.bucket(), place.prefix() + PROBE, bytes, sha256);
            } catch (StoreFault e) {
                if (e.kind() == Kind.EXISTS) {
                    return;
                }
                throw e.ofMask("create");
            }
        }
        throw MaskStoreException.permanent(
                "the object store does not support conditional writes (If-None-Match), without which masks may be written over");
    }

    @Override
    public URI create(MaskName name, MaskFile mask) throws MaskStoreException {
        for (int copy = 1; copy <= MOST_COPIES; copy++) {
            String path = path(name, copy);
            if (createOrTake(place.prefix() + path, mask)) {
                return place.uri(path);
            }
        }
        throw MaskStoreException.permanent("there are too many copies of a mask already; run a sweep");
    }

    private static String path(MaskName name, int copy) {
        String path = name.path();
        return copy == 1
                ? path
                : path.substring(0, path.length() - ENDING.length()) + "-" + Integer.toHexString(copy) + ENDING;
    }

    /** Whether the mask lies under the key for as long as it is needed; if not, an older copy of it does. */
    private boolean createOrTake(String key, MaskFile mask) throws MaskStoreException {
        StoreFault last = null;
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            try {
                objects.create(place.bucket(), key, mask.bytes(), mask.sha256());
                return true;
            } catch (StoreFault e) {
                if (e.kind() != Kind.EXISTS && e.kind() != Kind.CONFLICT) {
                    throw e.ofMask("write");
                }
                last = e;
            }
            Optional<Found> found = find(key);
            if (found.isPresent()) {
                if (!Arrays.equals(found.get().bytes(), mask.bytes())) {
                    throw MaskStoreException.permanent("another mask lies under the same name");
                }
                return found.get().young();
            }
        }
        throw MaskStoreException.retriable("cannot write a mask: " + last.getMessage()); // it came and went each time
    }

    private record Found(byte[] bytes, boolean young) {}

    private Optional<Found> find(String key) throws MaskStoreException {
        try (ResponseInputStream<GetObjectResponse> body = objects.get(place.bucket(), key, Optional.empty())) {
            byte[] bytes = read(body);
            // Both times are the store's own.
            Optional<Instant> now = S3Objects.date(body.response().sdkHttpResponse());
            Instant written = body.response().lastModified();
            boolean young = now.isPresent() && written != null && now.get().isBefore(written.plus(TAKEN_UNTIL));
            return Optional.of(new Found(bytes, young));
        } catch (StoreFault e) {
            if (e.kind() == Kind.NOT_FOUND) {
                return Optional.empty();
            }
            throw e.ofMask("read");
        } catch (IOException e) {
            throw unread(e);
        }
    }

    @Override
    public byte[] read(URI location) throws MaskStoreException {
        Location named;
        try {
            named = Location.parse(location.toString());
        } catch (IllegalArgumentException e) {
            throw outside();
        }
        if (!place.contains(named)) {
            throw outside();
        }
        try (ResponseInputStream<GetObjectResponse> body = objects.get(place.bucket(), named.key(), Optional.empty())) {
            return read(body);
        } catch (StoreFault e) {
            throw e.ofMask("read");
        } catch (IOException e) {
            throw unread(e);
        }
    }

    private static MaskStoreException outside() {
        return MaskStoreException.permanent("a mask outside the mask store is not read");
    }

    private static MaskStoreException unread(IOException e) {
        String why = e instanceof ArrivingStream.TransferException
                ? e.getMessage()
                : e.getClass().getSimpleName();
        return MaskStoreException.retriable("cannot read a mask: " + why);
    }

    private byte[] read(ResponseInputStream<GetObjectResponse> body) throws IOException {
        long length = body.response().contentLength();
        return new ArrivingStream(body, length, objects.deadline()).readAllBytes();
    }

    @Override
    public List<StoredMask> list() throws MaskStoreException {
        List<StoredMask> found = new ArrayList<>();
        try {
            objects.list(place).forEach(object -> {
                String name = object.key().substring(place.prefix().length());
                if (MASK.matcher(name).matches()) {
                    found.add(new StoredMask(name, object.lastModified(), object.size(), false));
                }
            });
            objects.unfinished(place).forEach(upload -> {
                String name = upload.key().substring(place.prefix().length());
                if (MASK.matcher(name).matches()) {
                    found.add(new StoredMask(name + UPLOAD + upload.uploadId(), upload.initiated(), 0, true));
                }
            });
        } catch (StoreFault e) {
            throw e.ofMask("list");
        }
        return found;
    }

    @Override
    public void recover() {
        // Nothing is taken out before it is deleted.
    }

    @Override
    public boolean delete(StoredMask mask, Instant olderThan) throws MaskStoreException {
        try {
            if (mask.unfinished()) {
                int upload = mask.name().indexOf(UPLOAD);
                String key = place.prefix() + mask.name().substring(0, upload);
                objects.abandon(place.bucket(), key, mask.name().substring(upload + UPLOAD.length()));
                return true;
            }
            String key = place.prefix() + mask.name();
            Optional<Instant> modified = objects.modified(place.bucket(), key);
            if (modified.isEmpty() || !modified.get().isBefore(olderThan)) {
                return false; // another sweep was faster, and a replay may have written it anew
            }
            objects.delete(place.bucket(), key);
            return true;
        } catch (StoreFault e) {
            if (e.kind() == Kind.NOT_FOUND) {
                return false;
            }
            throw e.ofMask("delete");
        }
    }
}
