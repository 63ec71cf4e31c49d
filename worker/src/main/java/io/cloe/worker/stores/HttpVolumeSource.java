package io.cloe.worker.stores;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.VolumeReference;
import io.cloe.worker.stores.StoreFault.Kind;
import io.cloe.worker.volume.Grid;
import io.cloe.worker.volume.LoadedVolume;
import io.cloe.worker.volume.VolumeException;
import io.cloe.worker.volume.VolumeReading;
import io.cloe.worker.volume.VolumeSource;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Volumes on web servers, below configured prefixes only, such as those behind presigned URLs. A redirect is followed where the prefixes
 * allow its target. The query of a location, which may hold a signature, goes to the server and nowhere else. No credentials are sent.
 *
 * <p>Java's older client, since it can be told how long a body may stay silent; its newer one cannot.
 */
final class HttpVolumeSource implements VolumeSource {

    private static final int HEADER_BYTES = 1 << 14;
    private static final int MOST_REDIRECTS = 5;
    private static final Duration CONNECT = Duration.ofSeconds(10);
    private static final Duration SILENCE = Duration.ofSeconds(30);

    private final List<HttpPrefix> roots;
    private final Duration timeout;
    private final VolumeReading reading;
    private final StoreMeters meters;

    /** @param timeout longest time for one volume */
    HttpVolumeSource(List<HttpPrefix> roots, Duration timeout, VolumeReading reading, MeterRegistry meters) {
        this.roots = List.copyOf(roots);
        this.timeout = timeout;
        this.reading = reading;
        this.meters = new StoreMeters(meters, "http");
    }

    @Override
    public LoadedVolume load(VolumeReference reference) throws VolumeException {
        return open(reference, Optional.empty(), (body, announced) -> {
            long size = size(announced, reference);
            reading.requireSize(size, reference);
            return reading.volume(new ArrivingStream(body.in(), size, body.deadline()), size, reference);
        });
    }

    /** Servers that compress what they send on the way do not say how long it is. */
    private static long size(long announced, VolumeReference reference) throws VolumeException {
        if (announced >= 0) {
            return announced;
        }
        if (reference.getSizeBytes() == null) {
            throw VolumeException.permanent(
                    FailureReason.VOLUME_UNSUPPORTED, "neither the server nor the event tells the file's size");
        }
        return reference.getSizeBytes();
    }

    @Override
    public Optional<Grid> grid(VolumeReference reference) throws VolumeException {
        return open(
                reference,
                Optional.of(HEADER_BYTES),
                (body, announced) -> Optional.of(reading.grid(new ArrivingStream(body.in(), 0, body.deadline()))));
    }

    private record Body(InputStream in, long deadline) {}

    private interface Use<T> {
        T of(Body body, long announced) throws IOException, VolumeException;
    }

    private <T> T open(VolumeReference reference, Optional<Integer> firstBytes, Use<T> use) throws VolumeException {
        VolumeReading.requireFormat(reference);
        Location location = parse(reference.getUri());
        if (!isAllowed(location)) {
            throw forbidden("the location is outside the configured roots");
        }
        long deadline = System.nanoTime() + timeout.toNanos();
        HttpURLConnection connection = null;
        try {
            connection = get(location, firstBytes);
            for (int redirects = 0; isRedirect(connection); redirects++) {
                Location target = target(connection);
                connection.disconnect();
                if (redirects == MOST_REDIRECTS) {
                    throw VolumeException.permanent(FailureReason.VOLUME_IO, "the server redirects too often");
                }
                if (!isAllowed(target)) {
                    throw forbidden("the server redirects to outside the configured roots");
                }
                connection = get(target, firstBytes);
            }
            return use.of(new Body(connection.getInputStream(), deadline), connection.getContentLengthLong());
        } catch (StoreFault e) {
            throw e.ofVolume();
        } catch (ArrivingStream.TransferException e) {
            throw VolumeException.retriable(FailureReason.VOLUME_IO, e.getMessage());
        } catch (IOException e) {
            throw VolumeException.retriable(
                    FailureReason.VOLUME_IO, "reading failed: " + e.getClass().getSimpleName()); // it may quote the URL
        } finally {
            if (connection != null) {
                connection.disconnect(); // closing would first read what is left of a volume that is refused
            }
        }
    }

    private HttpURLConnection get(Location location, Optional<Integer> firstBytes) throws StoreFault {
        return meters.measure("get", () -> {
            try {
                HttpURLConnection connection =
                        (HttpURLConnection) location.uri().toURL().openConnection();
                connection.setInstanceFollowRedirects(false);
                connection.setUseCaches(false);
                connection.setConnectTimeout(milliseconds(CONNECT));
                connection.setReadTimeout(milliseconds(SILENCE));
                connection.setRequestProperty("Accept", "*/*");
                connection.setRequestProperty("Accept-Encoding", "identity");
                connection.setRequestProperty("User-Agent", "cloe-worker");
                firstBytes.ifPresent(bytes -> connection.setRequestProperty("Range", "bytes=0-" + (bytes - 1)));
                requireServed(connection.getResponseCode());
                return connection;
            } catch (SocketTimeoutException e) {
                throw new StoreFault(Kind.UNAVAILABLE, "no answer in time");
            } catch (IOException e) {
                throw new StoreFault(Kind.UNAVAILABLE, e.getClass().getSimpleName());
            }
        });
    }

    private int milliseconds(Duration most) {
        return (int) Math.max(1, Math.min(most.toMillis(), timeout.toMillis()));
    }

    private static void requireServed(int status) throws StoreFault {
        if (status / 100 == 2 || status / 100 == 3) {
            return;
        }
        Kind kind =
                switch (status) {
                    case 401, 403 -> Kind.DENIED;
                    case 404 -> Kind.NOT_FOUND;
                    case 410 -> Kind.GONE;
                    case 408, 425 -> Kind.UNAVAILABLE;
                    case 429 -> Kind.THROTTLED;
                    default -> status / 100 == 5 && status != 501 ? Kind.UNAVAILABLE : Kind.REFUSED;
                };
        throw new StoreFault(kind, "status " + status);
    }

    private static boolean isRedirect(HttpURLConnection connection) throws IOException {
        return connection.getResponseCode() / 100 == 3;
    }

    private static Location target(HttpURLConnection connection) throws IOException, VolumeException {
        String named = connection.getHeaderField("Location");
        if (named == null) {
            throw VolumeException.permanent(FailureReason.VOLUME_IO, "the server redirects without saying where");
        }
        URI resolved;
        try {
            resolved = connection.getURL().toURI().resolve(named);
        } catch (URISyntaxException | IllegalArgumentException e) {
            throw forbidden("the server redirects to what is not a URI"); // the message would quote it
        }
        return parse(resolved.toString());
    }

    private static Location parse(String uri) throws VolumeException {
        try {
            return Location.parse(uri);
        } catch (IllegalArgumentException e) {
            throw forbidden(e.getMessage());
        }
    }

    private boolean isAllowed(Location location) {
        return roots.stream().anyMatch(root -> root.contains(location));
    }

    private static VolumeException forbidden(String message) {
        return VolumeException.permanent(FailureReason.VOLUME_FORBIDDEN, message);
    }
}
