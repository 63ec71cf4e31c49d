package io.cloe.schemas.registry;

import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;

/**
 * How the registry is reached and used.
 *
 * @param urls base addresses; each is tried in turn until one answers
 * @param authorization value of the {@code Authorization} header; a secret
 * @param tls trust and keys for {@code https:}; empty for those of the Java runtime
 * @param subjects which subjects are used
 * @param autoRegister whether a schema that the subject does not have is added to it; if not, it must be there
 * @param timeout of one request
 * @param patience how long a registry that does not answer is asked again before a reader or writer gives up
 */
public record RegistrySettings(
        List<URI> urls,
        Optional<String> authorization,
        Optional<SSLContext> tls,
        SubjectStrategy subjects,
        boolean autoRegister,
        Duration timeout,
        Duration patience) {

    /** Copies the list. */
    public RegistrySettings {
        urls = List.copyOf(urls);
        if (urls.isEmpty()) {
            throw new IllegalArgumentException("a registry has at least one address");
        }
    }

    /** Without credentials, schemas registered as needed, subjects by topic. */
    public static RegistrySettings of(URI url) {
        return new RegistrySettings(
                List.of(url),
                Optional.empty(),
                Optional.empty(),
                SubjectStrategy.TOPIC_NAME,
                true,
                Duration.ofSeconds(5),
                Duration.ofSeconds(30));
    }

    /** The same with other subjects. */
    public RegistrySettings withSubjects(SubjectStrategy strategy) {
        return new RegistrySettings(urls, authorization, tls, strategy, autoRegister, timeout, patience);
    }

    /** The same with or without registration. */
    public RegistrySettings withAutoRegister(boolean register) {
        return new RegistrySettings(urls, authorization, tls, subjects, register, timeout, patience);
    }

    /** The same with credentials. */
    public RegistrySettings withAuthorization(String header) {
        return new RegistrySettings(urls, Optional.of(header), tls, subjects, autoRegister, timeout, patience);
    }

    /** The same with other trust and keys. */
    public RegistrySettings withTls(SSLContext context) {
        return new RegistrySettings(
                urls, authorization, Optional.of(context), subjects, autoRegister, timeout, patience);
    }

    /** The same with other times. */
    public RegistrySettings withTimes(Duration ofOneRequest, Duration ofAll) {
        return new RegistrySettings(urls, authorization, tls, subjects, autoRegister, ofOneRequest, ofAll);
    }

    /** Without the secret. */
    @Override
    public String toString() {
        return "RegistrySettings" + urls + " " + subjects + (autoRegister ? " auto-register" : "");
    }
}
