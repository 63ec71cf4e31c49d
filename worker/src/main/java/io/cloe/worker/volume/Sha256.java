package io.cloe.worker.volume;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256, by which volumes, masks and inputs are told apart: lower-case hex. */
public final class Sha256 {

    private Sha256() {}

    /** Of all the bytes. */
    public static String of(byte[] bytes) {
        return hex(begin().digest(bytes));
    }

    /** To be fed piece by piece. */
    static MessageDigest begin() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    static String hex(byte[] digest) {
        return HexFormat.of().formatHex(digest);
    }
}
