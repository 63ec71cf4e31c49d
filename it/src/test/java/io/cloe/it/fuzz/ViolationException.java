package io.cloe.it.fuzz;

/** A promise is broken. */
final class ViolationException extends Exception {

    private static final long serialVersionUID = 1L;

    ViolationException(String message) {
        super(message);
    }

    ViolationException(String message, Throwable cause) {
        super(message, cause);
    }
}
