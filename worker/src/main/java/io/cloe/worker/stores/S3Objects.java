package io.cloe.worker.stores;

import io.cloe.worker.stores.StoreFault.Kind;
import io.micrometer.core.instrument.MeterRegistry;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.ResponseInputStream;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.core.sync.ResponseTransformer;
import software.amazon.awssdk.http.SdkHttpResponse;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.regions.providers.DefaultAwsRegionProviderChain;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.GetObjectRequest;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.ListMultipartUploadsRequest;
import software.amazon.awssdk.services.s3.model.MultipartUpload;
import software.amazon.awssdk.services.s3.model.S3Object;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;

/** The S3 requests that the worker makes, with typed faults and measures. For any number of threads. */
final class S3Objects implements AutoCloseable {

    private static final int PART_BYTES = 16 << 20;

    private static final Duration CONNECT = Duration.ofSeconds(10);
    private static final Duration SILENCE = Duration.ofSeconds(30);

    private final S3Client client;
    private final StoreSettings settings;
    private final StoreMeters meters;
    private final int partBytes;

    private S3Objects(S3Client client, StoreSettings settings, MeterRegistry meters, int partBytes) {
        this.client = client;
        this.settings = settings;
        this.meters = new StoreMeters(meters, "s3");
        this.partBytes = partBytes;
    }

    static S3Objects open(StoreSettings settings, MeterRegistry meters) {
        return open(settings, meters, PART_BYTES);
    }

    /** @param partBytes larger objects are written in parts of this size; AWS wants 5 MiB or more */
    static S3Objects open(StoreSettings settings, MeterRegistry meters, int partBytes) {
        S3ClientBuilder builder = S3Client.builder()
                .region(region(settings))
                .forcePathStyle(settings.pathStyle())
                // A checksum is given where it counts. Others, in trailers, are unknown to many compatible services.
                .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
                .serviceConfiguration(s3 -> s3.chunkedEncodingEnabled(false))
                .httpClientBuilder(UrlConnectionHttpClient.builder()
                        .connectionTimeout(least(CONNECT, settings.timeout()))
                        .socketTimeout(least(SILENCE, settings.timeout())))
                .overrideConfiguration(all -> all.apiCallTimeout(settings.timeout())
                        .retryStrategy(AwsRetryStrategy.standardRetryStrategy().toBuilder()
                                .maxAttempts(settings.attempts())
                                .build()));
        settings.endpoint().ifPresent(builder::endpointOverride);
        return new S3Objects(builder.build(), settings, meters, partBytes);
    }

    private static Region region(StoreSettings settings) {
        if (settings.region().isPresent()) {
            return Region.of(settings.region().get());
        }
        try {
            return DefaultAwsRegionProviderChain.builder().build().getRegion();
        } catch (SdkClientException e) {
            // Compatible services take any; AWS sends requests for other regions' buckets back, which is told.
            return Region.US_EAST_1;
        }
    }

    private static Duration least(Duration a, Duration b) {
        return a.compareTo(b) < 0 ? a : b;
    }

    /** When a read or write that begins now must have ended, by {@link System#nanoTime}. */
    long deadline() {
        return System.nanoTime() + settings.timeout().toNanos();
    }

    /** An object whose body is about to arrive; to be aborted if it is not read to its end, or closed. */
    ResponseInputStream<GetObjectResponse> get(String bucket, String key, Optional<Integer> firstBytes)
            throws StoreFault {
        GetObjectRequest.Builder request =
                GetObjectRequest.builder().bucket(bucket).key(key);
        firstBytes.ifPresent(bytes -> request.range("bytes=0-" + (bytes - 1)));
        return call("get", () -> client.getObject(request.build(), ResponseTransformer.toInputStream()));
    }

    /** Writes an object whose name must be free. */
    void create(String bucket, String key, byte[] bytes, String sha256) throws StoreFault {
        if (bytes.length > partBytes) {
            createInParts(bucket, key, bytes);
            return;
        }
        call(
                "put",
                () -> client.putObject(
                        put -> put.bucket(bucket)
                                .key(key)
                                .ifNoneMatch("*")
                                .contentType("application/gzip")
                                .checksumSHA256(base64(sha256))
                                .serverSideEncryption(encryption())
                                .ssekmsKeyId(settings.kmsKey().orElse(null)),
                        RequestBody.fromBytes(bytes)));
    }

    private void createInParts(String bucket, String key, byte[] bytes) throws StoreFault {
        if (modified(bucket, key).isPresent()) { // before much is sent for nothing
            throw new StoreFault(Kind.EXISTS, "");
        }
        String upload = begin(bucket, key);
        try {
            List<CompletedPart> parts = new ArrayList<>();
            for (int from = 0; from < bytes.length; from += partBytes) {
                int number = parts.size() + 1;
                byte[] part = Arrays.copyOfRange(bytes, from, Math.min(bytes.length, from + partBytes));
                String eTag = call(
                                "put",
                                () -> client.uploadPart(
                                        request -> request.bucket(bucket)
                                                .key(key)
                                                .uploadId(upload)
                                                .partNumber(number)
                                                .contentMD5(md5(part)),
                                        RequestBody.fromBytes(part)))
                        .eTag();
                parts.add(CompletedPart.builder().partNumber(number).eTag(eTag).build());
            }
            call(
                    "multipart",
                    () -> client.completeMultipartUpload(complete -> complete.bucket(bucket)
                            .key(key)
                            .uploadId(upload)
                            .ifNoneMatch("*")
                            .multipartUpload(completed -> completed.parts(parts))));
        } catch (StoreFault e) {
            abandonQuietly(bucket, key, upload, e);
            throw e;
        }
    }

    /** Begins a write in parts. */
    String begin(String bucket, String key) throws StoreFault {
        return call(
                        "multipart",
                        () -> client.createMultipartUpload(create -> create.bucket(bucket)
                                .key(key)
                                .contentType("application/gzip")
                                .serverSideEncryption(encryption())
                                .ssekmsKeyId(settings.kmsKey().orElse(null))))
                .uploadId();
    }

    /** What is left behind is for the sweep; the failure that led here is the one to report. */
    private void abandonQuietly(String bucket, String key, String upload, StoreFault cause) {
        try {
            abandon(bucket, key, upload);
        } catch (StoreFault e) {
            cause.addSuppressed(e);
        }
    }

    /** Gives up a write in parts. */
    void abandon(String bucket, String key, String upload) throws StoreFault {
        call(
                "multipart",
                () -> client.abortMultipartUpload(
                        abort -> abort.bucket(bucket).key(key).uploadId(upload)));
    }

    /** When an object was written; empty if there is none. */
    Optional<Instant> modified(String bucket, String key) throws StoreFault {
        try {
            return Optional.of(call(
                            "head",
                            () -> client.headObject(head -> head.bucket(bucket).key(key)))
                    .lastModified());
        } catch (StoreFault e) {
            if (e.kind() == Kind.NOT_FOUND) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** All objects of a place. */
    List<S3Object> list(S3Prefix place) throws StoreFault {
        return call(
                "list",
                () ->
                        client
                                .listObjectsV2Paginator(
                                        list -> list.bucket(place.bucket()).prefix(place.prefix()))
                                .contents()
                                .stream()
                                .toList());
    }

    /** Writes in parts that did not come to their end. */
    List<MultipartUpload> unfinished(S3Prefix place) throws StoreFault {
        return call("list", () -> client
                .listMultipartUploadsPaginator(ListMultipartUploadsRequest.builder()
                        .bucket(place.bucket())
                        .prefix(place.prefix())
                        .build())
                .uploads()
                .stream()
                .toList());
    }

    void delete(String bucket, String key) throws StoreFault {
        call("delete", () -> client.deleteObject(delete -> delete.bucket(bucket).key(key)));
    }

    /** The store's own clock, of an answer it gave. */
    static Optional<Instant> date(SdkHttpResponse response) {
        return response.firstMatchingHeader("Date").flatMap(text -> {
            try {
                return Optional.of(ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME)
                        .toInstant());
            } catch (DateTimeParseException e) {
                return Optional.empty();
            }
        });
    }

    private interface Request<T> {
        T send() throws SdkException;
    }

    private <T> T call(String operation, Request<T> request) throws StoreFault {
        return meters.measure(operation, () -> {
            try {
                return request.send();
            } catch (SdkException e) {
                throw S3Faults.of(e);
            }
        });
    }

    private ServerSideEncryption encryption() {
        return switch (settings.encryption()) {
            case BUCKET -> null;
            case AES256 -> ServerSideEncryption.AES256;
            case KMS -> ServerSideEncryption.AWS_KMS;
        };
    }

    private static String base64(String hex) {
        return Base64.getEncoder().encodeToString(HexFormat.of().parseHex(hex));
    }

    private static String md5(byte[] bytes) {
        try {
            return Base64.getEncoder()
                    .encodeToString(MessageDigest.getInstance("MD5").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java runtime has MD5", e);
        }
    }

    @Override
    public void close() {
        client.close();
    }
}
