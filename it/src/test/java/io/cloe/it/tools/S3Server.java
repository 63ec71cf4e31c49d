package io.cloe.it.tools;

import io.cloe.worker.config.StoreConfig;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.gaul.s3proxy.S3Proxy;
import org.gaul.s3proxy.auth.AuthenticationType;
import org.gaul.s3proxy.blobstore.BlobStore;
import org.gaul.s3proxy.nio2blob.FilesystemNio2BlobStore;
import org.gaul.s3proxy.nio2blob.TransientNio2BlobStore;

/**
 * An S3-compatible object store (S3Proxy): real requests with real signatures, objects in a folder, so that tests can look at them and
 * make them old. It knows conditional writes and writes in parts; no policies.
 */
public final class S3Server implements AutoCloseable {

    private final Path folder;
    private final S3Proxy server;
    private final FaultyPath path;

    private S3Server(Path folder, S3Proxy server) throws IOException {
        this.folder = folder;
        this.server = server;
        this.path = new FaultyPath(server.getPort());
    }

    /** Starts one with its objects below a folder, a folder for each bucket. */
    public static S3Server start(Path folder, String... buckets) throws Exception {
        for (String bucket : buckets) {
            Files.createDirectories(folder.resolve(bucket));
        }
        return start(folder, new FilesystemNio2BlobStore(folder.toString()), System.getenv("AWS_SECRET_ACCESS_KEY"));
    }

    /** Starts one that does not know the tests' credentials. */
    public static S3Server startForOthers(Path folder) throws Exception {
        return start(folder, new FilesystemNio2BlobStore(folder.toString()), "another secret");
    }

    /** Starts one with its objects in memory, which takes requests for encryption, and tells of them. */
    public static S3Server startInMemory(String bucket) throws Exception {
        BlobStore objects = new TransientNio2BlobStore();
        objects.createContainer(bucket);
        return start(Path.of("/nowhere"), objects, System.getenv("AWS_SECRET_ACCESS_KEY"));
    }

    private static S3Server start(Path folder, BlobStore objects, String secret) throws Exception {
        S3Proxy server = S3Proxy.builder()
                .blobStore(objects)
                .awsAuthentication(AuthenticationType.AWS_V4, System.getenv("AWS_ACCESS_KEY_ID"), secret)
                .endpoint(URI.create("http://127.0.0.1:0"))
                .stopTimeout(0)
                .build();
        server.start();
        return new S3Server(folder, server);
    }

    /** Settings of whoever uses it. The credentials are in the environment of the tests, where the AWS SDK looks for them. */
    public Map<String, String> settings() {
        return Map.of(
                StoreConfig.S3_ENDPOINT,
                "http://127.0.0.1:" + path.port(),
                StoreConfig.S3_PATH_STYLE,
                "true",
                StoreConfig.S3_REGION,
                "us-east-1");
    }

    /** As {@link #settings}, for a client that gives up soon on an answer, and gets over faults of the path. */
    public Map<String, String> settingsOverFaults() {
        Map<String, String> settings = new HashMap<>(settings());
        settings.put(StoreConfig.TIMEOUT, "3s");
        // Enough for connections that were kept, and that the path has closed meanwhile.
        settings.put(StoreConfig.ATTEMPTS, "12");
        return settings;
    }

    /** The file that holds an object. */
    public Path object(String bucket, String key) {
        return folder.resolve(bucket).resolve(key);
    }

    /** Puts an object there. */
    public String put(String bucket, String key, Path file) throws IOException {
        Path object = object(bucket, key);
        Files.createDirectories(object.getParent());
        Files.copy(file, object);
        return "s3://" + bucket + "/" + key;
    }

    /** What lies between it and whoever uses it. */
    public FaultyPath path() {
        return path;
    }

    @Override
    public void close() throws Exception {
        path.close();
        server.stop();
    }
}
