package io.cloe.worker.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpsConfigurator;
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
        assertRefused("belong together", Map.of("registry.url", url, "registry.serializer.class", "a.B"));
        assertRefused(
                "class a.B is not there",
                Map.of("registry.url", url, "registry.serializer.class", "a.B", "registry.deserializer.class", "a.C"));
    }

    @Test
    void shouldTalkTlsAndShowItsCredentialsWhenTheyAreConfigured() throws Exception {
        Path keys = folder.resolve("server.p12");
        Path certificate = folder.resolve("server.pem");
        keytool(
                "-genkeypair",
                "-keyalg",
                "EC",
                "-dname",
                "CN=localhost",
                "-ext",
                "SAN=ip:127.0.0.1",
                "-keystore",
                keys);
        keytool("-exportcert", "-rfc", "-file", certificate, "-keystore", keys);
        List<String> authorizations = new CopyOnWriteArrayList<>();
        HttpsServer server = serve(keys, authorizations);
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

    private static HttpsServer serve(Path keys, List<String> authorizations) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(keys)) {
            store.load(in, PASSWORD.toCharArray());
        }
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(store, PASSWORD.toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(managers.getKeyManagers(), null, null);
        HttpsServer server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context));
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
