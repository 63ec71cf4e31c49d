package io.cloe.worker.admin;

/** A request that cannot be answered. Neither code nor message quotes the request. */
final class HttpProblem extends Exception {

    private static final long serialVersionUID = 1L;

    private final int status;
    private final Code code;

    /** What is wrong, for programs. */
    enum Code {
        BAD_REQUEST,
        BAD_PARAMETER,
        UNAUTHORIZED,
        FORBIDDEN_HOST,
        FORBIDDEN_ORIGIN,
        NOT_FOUND,
        UNKNOWN_STUDY,
        UNKNOWN_REVISION,
        UNKNOWN_SCAN,
        METHOD_NOT_ALLOWED,
        TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        BUSY,
        VOLUME_UNAVAILABLE,
        MASK_UNAVAILABLE,
        KAFKA_UNAVAILABLE,
        INTERNAL
    }

    HttpProblem(int status, Code code, String message) {
        super(message);
        this.status = status;
        this.code = code;
    }

    static HttpProblem badRequest(String message) {
        return new HttpProblem(400, Code.BAD_REQUEST, message);
    }

    static HttpProblem badParameter(String name, String allowed) {
        return new HttpProblem(400, Code.BAD_PARAMETER, name + ": allowed: " + allowed);
    }

    static HttpProblem notFound() {
        return new HttpProblem(404, Code.NOT_FOUND, "there is nothing here");
    }

    static HttpProblem unknownStudy() {
        return new HttpProblem(404, Code.UNKNOWN_STUDY, "this study is not among those remembered");
    }

    int status() {
        return status;
    }

    Code code() {
        return code;
    }
}
