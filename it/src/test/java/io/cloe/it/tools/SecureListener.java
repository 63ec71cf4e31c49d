package io.cloe.it.tools;

import java.nio.file.Path;
import java.util.Properties;

/**
 * A broker's listener for clients that come with TLS and a name and password (SCRAM-SHA-512).
 *
 * @param port on loopback
 * @param keystore PKCS12, with the broker's key
 * @param password of the keystore
 */
record SecureListener(int port, Path keystore, String password) {

    private static final String NAME = "SECURE";
    private static final String PREFIX = "listener.name.secure.";

    String address() {
        return "127.0.0.1:" + port;
    }

    /** Adds it to a broker's settings, after the other listeners. */
    void addTo(Properties broker) {
        append(broker, "listeners", NAME + "://" + address());
        append(broker, "advertised.listeners", NAME + "://" + address());
        append(broker, "listener.security.protocol.map", NAME + ":SASL_SSL");
        broker.put("inter.broker.listener.name", "PLAINTEXT");
        broker.put("sasl.enabled.mechanisms", "SCRAM-SHA-512");
        broker.put(
                PREFIX + "scram-sha-512.sasl.jaas.config",
                "org.apache.kafka.common.security.scram.ScramLoginModule required;");
        broker.put(PREFIX + "ssl.keystore.type", "PKCS12");
        broker.put(PREFIX + "ssl.keystore.location", keystore.toString());
        broker.put(PREFIX + "ssl.keystore.password", password);
        broker.put(PREFIX + "ssl.key.password", password);
    }

    private static void append(Properties broker, String key, String value) {
        broker.put(key, broker.getProperty(key) + "," + value);
    }
}
