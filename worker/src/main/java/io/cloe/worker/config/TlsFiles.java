package io.cloe.worker.config;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Locale;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.apache.kafka.common.config.types.Password;

/** Trust and keys from files. */
final class TlsFiles {

    private TlsFiles() {}

    /**
     * A TLS context.
     *
     * @param trust certificates to trust, PEM, PKCS12 or JKS; empty for Java's
     * @param keys own key, PKCS12 or JKS; empty for none
     * @throws ConfigurationException naming the setting whose file cannot be used
     */
    static SSLContext context(
            String trustSetting,
            String trust,
            Password trustPassword,
            String keySetting,
            String keys,
            Password keyPassword)
            throws ConfigurationException {
        try {
            TrustManagerFactory trusted = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trusted.init(trust.isEmpty() ? null : load(trustSetting, trust, trustPassword));
            KeyManagerFactory own = null;
            if (!keys.isEmpty()) {
                own = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
                own.init(
                        load(keySetting, keys, keyPassword), keyPassword.value().toCharArray());
            }
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(own == null ? null : own.getKeyManagers(), trusted.getTrustManagers(), null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new ConfigurationException("settings " + trustSetting + " and " + keySetting + " cannot be used ("
                    + e.getClass().getSimpleName() + "); allowed: files whose keys have the same password as the file");
        }
    }

    private static KeyStore load(String setting, String file, Password password) throws ConfigurationException {
        try (InputStream in = Files.newInputStream(Path.of(file))) {
            String name = file.toLowerCase(Locale.ROOT);
            if (name.endsWith(".pem") || name.endsWith(".crt") || name.endsWith(".cer")) {
                return certificates(in);
            }
            KeyStore store = KeyStore.getInstance(name.endsWith(".jks") ? "JKS" : "PKCS12");
            store.load(in, password.value().isEmpty() ? null : password.value().toCharArray());
            return store;
        } catch (IOException | GeneralSecurityException | InvalidPathException e) {
            throw new ConfigurationException("setting " + setting + " " + file + " cannot be used ("
                    + e.getClass().getSimpleName() + "); allowed: a PEM, PKCS12 or JKS file and its password");
        }
    }

    private static KeyStore certificates(InputStream in) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        int number = 0;
        for (Certificate certificate : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
            store.setCertificateEntry("certificate-" + number++, certificate);
        }
        return store;
    }
}
