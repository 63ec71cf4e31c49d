package io.cloe.worker.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import io.cloe.schemas.CommandKind;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.registry.RegistryException;
import io.cloe.schemas.registry.RegistryFormat;
import io.cloe.schemas.serde.RecordFormat;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RegistryConfigTest {

    private static final String PASSWORD = "geheimes";

    @TempDir
    Path folder;

    private static void assertRefused(String message, Map<String, String> settings) {
        assertThatThrownBy(() -> RegistryConfig.format(settings))
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining(message)
                .hasMessageNotContaining(PASSWORD);
    }

    @Test
    void shouldNeedNoRegistryWhenNoneIsNamed() throws Exception {
        assertThat(RegistryConfig.format(Map.of("study.timeout", "1m"))).isSameAs(RecordFormat.singleObject());
    }

    @Test
    void shouldUseTheRegistryWhenOneIsNamed() throws Exception {
        assertThat(RegistryConfig.format(Map.of("registry.url", "http://a:8081,https://b/apis/ccompat/v7")))
                .isInstanceOf(RegistryFormat.class);
    }

    @Test
    void shouldSayWhatIsWrongAndNoSecret() {
        String url = "http://a:8081";
        assertRefused("setting registry.url;", Map.of("registry.url", "http://user:" + PASSWORD + "@a:8081"));
        assertRefused("setting registry.url;", Map.of("registry.url", "ftp://a"));
        assertRefused("registry.subjects", Map.of("registry.url", url, "registry.subjects", "by-hand"));
        assertRefused("registry.timeout", Map.of("registry.url", url, "registry.timeout", "soon"));
        assertRefused(
                "exclude each other",
                Map.of(
                        "registry.url",
                        url,
                        "registry.user",
                        "me",
                        "registry.password",
                        PASSWORD,
                        "registry.token",
                        PASSWORD));
        assertRefused(
                "registry.truststore /absent.pem", Map.of("registry.url", url, "registry.truststore", "/absent.pem"));
        assertRefused("registry.truststore", Map.of("registry.url", url, "registry.truststore", "/nul\0.pem"));
        assertRefused("belong together", Map.of("registry.url", url, "registry.serializer.class", "a.B"));
        assertRefused(
                "class a.B is not there",
                Map.of("registry.url", url, "registry.serializer.class", "a.B", "registry.deserializer.class", "a.C"));
        assertRefused(
                "is no Serializer",
                Map.of(
                        "registry.serializer.class",
                        "java.lang.Object",
                        "registry.deserializer.class",
                        "java.lang.Object"));
    }

    @Test
    void shouldTalkTlsAndShowItsCredentialsWhenTheyAreConfigured() throws Exception {
        Path keys = keyPair("server", "SAN=ip:127.0.0.1");
        Path certificate = certificate(keys);
        List<String> authorizations = new CopyOnWriteArrayList<>();
        HttpsServer server = serve(keys, null, authorizations);
        try {
            Map<String, String> settings = new HashMap<>(Map.of(
                    "registry.url",
                    "https://127.0.0.1:" + server.getAddress().getPort(),
                    "registry.user",
                    "me",
                    "registry.password",
                    PASSWORD,
                    "registry.patience",
                    "1ms"));
            assertThatThrownBy(() -> write(settings)).isInstanceOf(RegistryException.class);
            assertThat(authorizations).isEmpty();

            settings.put("registry.truststore", certificate.toString());

            assertThat(write(settings)).startsWith(0, 0, 0, 0, 42);
            assertThat(authorizations)
                    .containsExactly("Basic "
                            + Base64.getEncoder().encodeToString(("me:" + PASSWORD).getBytes(StandardCharsets.UTF_8)));
        } finally {
            server.stop(0);
        }
    }

    @Test
    void shouldShowItsCertificateWhenTheRegistryAsksForOne() throws Exception {
        Path keys = keyPair("server", "SAN=ip:127.0.0.1");
        Path trusted = certificate(keys);
        Path mine = keyPair("client", "KU=digitalSignature");
        List<String> authorizations = new CopyOnWriteArrayList<>();
        HttpsServer server = serve(keys, mine, authorizations);
        try {
            Map<String, String> settings = new HashMap<>(Map.of(
                    "registry.url",
                    "https://127.0.0.1:" + server.getAddress().getPort(),
                    "registry.truststore",
                    trusted.toString(),
                    "registry.patience",
                    "1ms"));
            assertThatThrownBy(() -> write(settings)).isInstanceOf(RegistryException.class);
            settings.put(
                    "registry.keystore",
                    keyPair("stranger", "KU=digitalSignature").toString());
            settings.put("registry.keystore.password", PASSWORD);
            assertThatThrownBy(() -> write(settings)).isInstanceOf(RegistryException.class);
            assertThat(authorizations).as("requests that reached the registry").isEmpty();

            settings.put("registry.keystore", mine.toString());

            assertThat(write(settings)).startsWith(0, 0, 0, 0, 42);
        } finally {
            server.stop(0);
        }
    }

    private Path keyPair(String name, String extension) throws IOException, InterruptedException {
        Path keys = folder.resolve(name + ".p12");
        keytool("-genkeypair", "-keyalg", "EC", "-dname", "CN=" + name, "-ext", extension, "-keystore", keys);
        return keys;
    }

    private static Path certificate(Path keys) throws IOException, InterruptedException {
        Path certificate = Path.of(keys + ".pem");
        keytool("-exportcert", "-rfc", "-file", certificate, "-keystore", keys);
        return certificate;
    }

    private static byte[] write(Map<String, String> settings) throws ConfigurationException {
        StudyCommand command = StudyCommand.newBuilder()
                .setCommandId("command")
                .setStudyId("study")
                .setKind(CommandKind.FORCE)
                .setIssuedAt(Instant.EPOCH)
                .build();
        return RegistryConfig.format(settings)
                .of(StudyCommand.class)
                .serializer()
                .serialize("commands", command);
    }

    /**
     * A registry that takes every schema.
     *
     * @param keys its own
     * @param client keys of the one client whose certificate it asks for; null to ask for none
     */
    private static HttpsServer serve(Path keys, Path client, List<String> authorizations) throws Exception {
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(load(keys), PASSWORD.toCharArray());
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        if (client != null) {
            trusted.setCertificateEntry("client", load(client).getCertificate("server"));
        }
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(managers.getKeyManagers(), client == null ? null : trust.getTrustManagers(), null);
        HttpsServer server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context) {
            @Override
            public void configure(HttpsParameters parameters) {
                SSLParameters tls = context.getDefaultSSLParameters();
                tls.setNeedClientAuth(client != null);
                parameters.setSSLParameters(tls);
            }
        });
        server.createContext("/", exchange -> {
            authorizations.add(exchange.getRequestHeaders().getFirst("Authorization"));
            exchange.getRequestBody().readAllBytes();
            byte[] answer = "{\"id\":42}".getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.start();
        return server;
    }

    private static KeyStore load(Path keys) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(keys)) {
            store.load(in, PASSWORD.toCharArray());
        }
        return store;
    }

    private static void keytool(Object... arguments) throws IOException, InterruptedException {
        List<String> command = new java.util.ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        command.addAll(List.of("-storepass", PASSWORD, "-alias", "server"));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
    }
}
