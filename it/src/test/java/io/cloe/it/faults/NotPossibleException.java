package io.cloe.it.faults;

/** A fault cannot be made on this machine, and why. */
public final class NotPossibleException extends Exception {

    private static final long serialVersionUID = 1L;

    NotPossibleException(String why) {
        super(why);
    }
}
