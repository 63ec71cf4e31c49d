package io.cloe.worker.stores;

import io.cloe.worker.stores.StoreFault.Kind;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.model.NoSuchBucketException;

/** What an exception of the S3 client means. Nothing of its message is kept: it may quote bucket, key or address. */
final class S3Faults {

    private S3Faults() {}

    static StoreFault of(SdkException e) {
        if (e instanceof AwsServiceException answered) {
            String code = answered.awsErrorDetails() == null
                    ? ""
                    : answered.awsErrorDetails().errorCode();
            String detail = "status " + answered.statusCode() + (isCode(code) ? " " + code : "");
            return new StoreFault(kind(answered, code), detail);
        }
        // No answer at all: not reached, cut off, too late, or no credentials to ask with.
        return new StoreFault(Kind.UNAVAILABLE, e.getClass().getSimpleName());
    }

    private static Kind kind(AwsServiceException e, String code) {
        if (e instanceof NoSuchBucketException || "NoSuchBucket".equals(code)) {
            return Kind.NO_BUCKET;
        }
        if (e.isThrottlingException() || "SlowDown".equals(code)) {
            return Kind.THROTTLED;
        }
        if ("RequestTimeTooSkewed".equals(code) || "ExpiredToken".equals(code) || "RequestTimeout".equals(code)) {
            return Kind.UNAVAILABLE; // new credentials, or another try, may help
        }
        if ("AuthorizationHeaderMalformed".equals(code)) {
            return Kind.OTHER_REGION;
        }
        return switch (e.statusCode()) {
            case 301, 307 -> Kind.OTHER_REGION;
            case 401, 403 -> Kind.DENIED;
            case 404 -> Kind.NOT_FOUND;
            case 408 -> Kind.UNAVAILABLE;
            case 409 -> Kind.CONFLICT;
            case 412 -> Kind.EXISTS;
            case 429 -> Kind.THROTTLED;
            default -> e.statusCode() >= 500 && e.statusCode() != 501 ? Kind.UNAVAILABLE : Kind.REFUSED;
        };
    }

    /** Codes are words; anything else might be somebody's text. */
    private static boolean isCode(String code) {
        return code != null && code.matches("[A-Za-z]{1,60}");
    }
}
