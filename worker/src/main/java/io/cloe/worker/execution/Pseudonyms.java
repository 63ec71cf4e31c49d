package io.cloe.worker.execution;

import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Names studies and jobs in logs: the same id has the same name within a process, and nobody can tell which id it is. Jobs too, because a
 * job's id is made of its study's: who knows the ids of a site's studies could try them all.
 */
final class Pseudonyms {

    private static final String ALGORITHM = "HmacSHA256";
    private static final int SHOWN_BYTES = 6;

    private final SecretKeySpec key;

    Pseudonyms(SecureRandom random) {
        byte[] secret = new byte[32];
        random.nextBytes(secret);
        key = new SecretKeySpec(secret, ALGORITHM);
    }

    String of(String id) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(key);
            byte[] digest = mac.doFinal(id.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, SHOWN_BYTES);
        } catch (NoSuchAlgorithmException | InvalidKeyException e) {
            throw new IllegalStateException("every Java runtime has " + ALGORITHM, e);
        }
    }
}
