package io.cloe.worker.stores;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/**
 * How object stores and web servers are spoken to. Credentials are found by the AWS SDK's standard chain: environment, profile, web
 * identity, container, instance.
 *
 * @param endpoint an S3-compatible service; empty for AWS
 * @param region of the buckets; empty for what the AWS SDK finds
 * @param pathStyle whether the bucket is named in the path, rather than in the host's name
 * @param encryption what the store is asked to encrypt masks with
 * @param kmsKey the key, for {@link Encryption#KMS}; empty for the account's own
 * @param timeout longest time for one read or write, the client's own retries included
 * @param attempts at one request, the first included
 */
public record StoreSettings(
        Optional<URI> endpoint,
        Optional<String> region,
        boolean pathStyle,
        Encryption encryption,
        Optional<String> kmsKey,
        Duration timeout,
        int attempts) {

    /** Server-side encryption of what is written. */
    public enum Encryption {
        /** As the bucket is set up. */
        BUCKET,
        /** With keys of the store. */
        AES256,
        /** With keys of a key management service. */
        KMS
    }
}
