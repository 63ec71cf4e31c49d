package io.cloe.worker.cli;

/** What the user asked for cannot be done; the message is one line that says what is allowed. */
final class UserErrorException extends Exception {

    private static final long serialVersionUID = 1L;

    UserErrorException(String message) {
        super(message);
    }
}
