package io.cloe.worker.config;

import static org.apache.kafka.common.config.ConfigDef.Importance.LOW;
import static org.apache.kafka.common.config.ConfigDef.Importance.MEDIUM;
import static org.apache.kafka.common.config.ConfigDef.Range.between;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Optional;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.types.Password;

/**
 * How the admin HTTP server is reached.
 *
 * @param address where it listens
 * @param port TCP port; 0 takes a free one, -1 means no server
 * @param token what callers must know; always there unless the address is loopback
 * @param studies how many studies it remembers, the ones that changed last
 */
public record AdminSettings(InetAddress address, int port, Optional<String> token, int studies) {

    public static final String ADMIN_HOST = "admin.host";
    public static final String ADMIN_PORT = "admin.port";
    public static final String ADMIN_TOKEN = "admin.token";
    public static final String ADMIN_STUDIES = "admin.studies";

    private static final int SHORTEST_TOKEN = 16;
    private static final String TOKEN_ALLOWED =
            "nothing, or " + SHORTEST_TOKEN + " to 512 visible ASCII characters, such as 'openssl rand -hex 32' prints";

    /** Whether there is a server at all. */
    public boolean enabled() {
        return port >= 0;
    }

    static ConfigDef addTo(ConfigDef definition) {
        return definition
                .define(
                        ADMIN_HOST,
                        Type.STRING,
                        "127.0.0.1",
                        new ConfigDef.NonEmptyString(),
                        MEDIUM,
                        "Address that the admin HTTP server listens on. Any but loopback needs admin.token.")
                .define(
                        ADMIN_PORT,
                        Type.INT,
                        0,
                        between(-1, 65_535),
                        MEDIUM,
                        "Port of the admin HTTP server: review page, studies, health, metrics. 0 takes a free one, which 'run'"
                                + " prints; -1 = no server.")
                .define(
                        ADMIN_TOKEN,
                        Type.PASSWORD,
                        "",
                        ConfigDef.LambdaValidator.with(
                                (key, value) -> requireToken(key, (Password) value), () -> TOKEN_ALLOWED),
                        MEDIUM,
                        "Secret that callers of the admin HTTP server send as 'Authorization: Bearer ...'. Give it by"
                                + " CLOE_ADMIN_TOKEN rather than on the command line, where other users see it.")
                .define(
                        ADMIN_STUDIES,
                        Type.INT,
                        20_000,
                        between(1, 1_000_000),
                        LOW,
                        "Studies that the review page remembers: the ones that changed last.");
    }

    private static void requireToken(String key, Password token) {
        String value = token.value();
        boolean visible = value.chars().allMatch(c -> c > ' ' && c < 127);
        boolean fits = value.isEmpty() || value.length() >= SHORTEST_TOKEN && value.length() <= 512;
        if (!visible || !fits) {
            throw new ConfigException(key, Password.HIDDEN, "allowed: " + TOKEN_ALLOWED);
        }
    }

    /** @throws ConfigException if the host has no address, or needs a token and has none */
    static AdminSettings of(AbstractConfig parsed) {
        String host = parsed.getString(ADMIN_HOST);
        int port = parsed.getInt(ADMIN_PORT);
        String token = parsed.getPassword(ADMIN_TOKEN).value();
        InetAddress address;
        try {
            address = InetAddress.getByName(host);
        } catch (UnknownHostException e) {
            throw new ConfigException(ADMIN_HOST, host, "allowed: a name or address of this machine");
        }
        if (port >= 0 && token.isEmpty() && !address.isLoopbackAddress()) {
            throw new ConfigException(
                    ADMIN_TOKEN, "", "allowed: a secret, since " + ADMIN_HOST + " is not a loopback address");
        }
        return new AdminSettings(
                address, port, token.isEmpty() ? Optional.empty() : Optional.of(token), parsed.getInt(ADMIN_STUDIES));
    }

    /** Never shows the token. */
    @Override
    public String toString() {
        return "AdminSettings[address=" + address + ", port=" + port + ", token=" + (token.isPresent() ? "set" : "none")
                + ", studies=" + studies + "]";
    }
}
