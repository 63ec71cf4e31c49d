package io.cloe.worker.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cloe.worker.stores.MaskPlace;
import io.cloe.worker.stores.StoreSettings;
import io.cloe.worker.stores.StoreSettings.Encryption;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StoreConfigTest {

    @Test
    void shouldMeanAwsWhenNothingIsSet() throws Exception {
        assertThat(StoreConfig.settings(Map.of("study.timeout", "15m")))
                .isEqualTo(new StoreSettings(
                        Optional.empty(),
                        Optional.empty(),
                        false,
                        Encryption.BUCKET,
                        Optional.empty(),
                        Duration.ofMinutes(2),
                        6));
    }

    @Test
    void shouldHoldWhatWasGivenWhenEveryKeyIsSet() throws Exception {
        Map<String, String> settings = Map.of(
                "s3.endpoint", "https://minio:9000",
                "s3.region", "eu-central-1",
                "s3.path-style", "true",
                "s3.encryption", "aws:kms",
                "s3.kms-key", "alias/masks",
                "store.timeout", "30s",
                "store.attempts", "1");
        assertThat(settings.keySet()).isEqualTo(StoreConfig.DEFINITION.names());

        assertThat(StoreConfig.settings(settings))
                .isEqualTo(new StoreSettings(
                        Optional.of(URI.create("https://minio:9000")),
                        Optional.of("eu-central-1"),
                        true,
                        Encryption.KMS,
                        Optional.of("alias/masks"),
                        Duration.ofSeconds(30),
                        1));
    }

    @ParameterizedTest
    @CsvSource({
        "s3.endpoint, minio:9000",
        "s3.endpoint, ftp://minio",
        "s3.endpoint, https://user:password@minio",
        "s3.region, EU central",
        "s3.encryption, aes",
        "s3.kms-key, alias/masks",
        "store.timeout, 0s",
        "store.attempts, 0"
    })
    void shouldNameTheKeyWhenAValueIsNotAllowed(String key, String value) {
        assertThatThrownBy(() -> StoreConfig.settings(Map.of(key, value)))
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining(key);
    }

    @Test
    void shouldTellFoldersFromBucketsWhenMasksAreLookedFor() throws Exception {
        MaskPlace folder = StoreConfig.masks(Map.of("mask.directory", "/data/masks"));
        MaskPlace bucket = StoreConfig.masks(Map.of("mask.directory", "s3://masks/out"));

        assertThat(folder.folder()).contains(Path.of("/data/masks"));
        assertThat(folder.bucket()).isEmpty();
        assertThat(bucket.folder()).isEmpty();
        assertThat(bucket).hasToString("s3://masks/out/");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "masks", "https://host/masks", "s3:masks", "s3://masks/../out"})
    void shouldNameTheKeyWhenThereIsNoPlaceForMasks(String place) {
        assertThatThrownBy(() -> StoreConfig.masks(Map.of("mask.directory", place)))
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("mask.directory");
    }
}
