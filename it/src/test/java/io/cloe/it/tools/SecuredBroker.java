package io.cloe.it.tools;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;

/** A broker of its own process with a listener that asks for TLS and SCRAM, and one in the clear for the test itself. */
public final class SecuredBroker implements AutoCloseable {

    private static final String STORE_PASSWORD = "store-password";
    private static final int SCRAM_ITERATIONS = 4096;

    private final BrokerProcess broker;
    private final SecureListener listener;
    private final Path truststore;

    private SecuredBroker(BrokerProcess broker, SecureListener listener, Path truststore) {
        this.broker = broker;
        this.listener = listener;
        this.truststore = truststore;
    }

    /**
     * Makes a key, starts the broker, and makes a user.
     *
     * @param folder empty folder
     */
    public static SecuredBroker start(Path folder, String user, String password) throws Exception {
        Path keystore = folder.resolve("broker.p12");
        Path truststore = folder.resolve("clients.p12");
        Path certificate = folder.resolve("broker.pem");
        keytool(
                "-genkeypair",
                "-alias",
                "broker",
                "-keyalg",
                "RSA",
                "-dname",
                "CN=127.0.0.1",
                "-ext",
                "SAN=IP:127.0.0.1",
                "-validity",
                "2",
                "-storetype",
                "PKCS12",
                "-keystore",
                keystore.toString());
        keytool(
                "-exportcert",
                "-rfc",
                "-alias",
                "broker",
                "-keystore",
                keystore.toString(),
                "-file",
                certificate.toString());
        keytool(
                "-importcert",
                "-noprompt",
                "-alias",
                "broker",
                "-storetype",
                "PKCS12",
                "-keystore",
                truststore.toString(),
                "-file",
                certificate.toString());
        SecureListener listener = new SecureListener(FreePorts.next(), keystore, STORE_PASSWORD);
        BrokerProcess broker = BrokerProcess.start(Files.createDirectory(folder.resolve("kafka")), listener);
        try (Admin admin = Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, broker.address()))) {
            admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(
                            user, new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, SCRAM_ITERATIONS), password)))
                    .all()
                    .get();
        }
        return new SecuredBroker(broker, listener, truststore);
    }

    private static void keytool(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
        command.addAll(List.of(arguments));
        command.addAll(List.of("-storepass", STORE_PASSWORD));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException("keytool: " + said);
        }
    }

    /** Where the test itself goes, in the clear. */
    public String openAddress() {
        return broker.address();
    }

    /** Where the worker must go. */
    public String address() {
        return listener.address();
    }

    /** What a client needs to be let in. */
    public Map<String, String> clientSettings(String user, String password) {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("security.protocol", "SASL_SSL");
        settings.put("ssl.truststore.type", "PKCS12");
        settings.put("ssl.truststore.location", truststore.toString());
        settings.put("ssl.truststore.password", STORE_PASSWORD);
        settings.put("sasl.mechanism", "SCRAM-SHA-512");
        settings.put(
                "sasl.jaas.config",
                "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"" + user + "\" password=\""
                        + password + "\";");
        return settings;
    }

    @Override
    public void close() {
        broker.close();
    }
}
