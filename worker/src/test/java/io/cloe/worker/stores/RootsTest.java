package io.cloe.worker.stores;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which locations the configured places hold. */
class RootsTest {

    @Test
    void shouldSortRootsByWhereTheyAreWhenTheyAreMixed() {
        VolumeRoots roots = VolumeRoots.parse(
                List.of("/data", "s3://scans/in", "S3://whole", "https://PACS.example/dicom", "http://localhost:8042"));

        assertThat(roots.folders()).containsExactly(Path.of("/data"));
        assertThat(roots.buckets()).containsExactly(new S3Prefix("scans", "in/"), new S3Prefix("whole", ""));
        assertThat(roots.servers())
                .containsExactly(
                        new HttpPrefix("https", "pacs.example", 443, "/dicom/"),
                        new HttpPrefix("http", "localhost", 8042, "/"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "data",
                "file:/data",
                "s3:",
                "s3:///in",
                "s3:scans/in",
                "s3://scans/in?x",
                "s3://user@scans/in",
                "s3://scans:80/in",
                "s3://sc%61ns/in",
                "s3://scans/../in",
                "https:///x",
                "https://user@host/x",
                "https://host/x?y",
                "https://host/a/../b",
                "https://host/%2e%2e/b",
                "https:x"
            })
    void shouldRefuseARootWhenItIsNoPlace(String root) {
        assertThatThrownBy(() -> VolumeRoots.parse(List.of(root))).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"s3://scans/in/a.nii", "s3://scans/in/x/a%20b.nii", "S3://scans/in/a.nii", "s3://scans/in//a"})
    void shouldHoldAnObjectWhenItsKeyStartsWithThePrefix(String location) {
        assertThat(S3Prefix.parse("s3://scans/in").contains(Location.parse(location)))
                .isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "s3://scans/in",
                "s3://scans/in/",
                "s3://scans/inside/a.nii",
                "s3://scan/in/a.nii",
                "s3://Scans/in/a.nii",
                "s3://scans/in/a.nii?versionId=1",
                "https://scans/in/a.nii"
            })
    void shouldNotHoldAnObjectWhenItLiesElsewhere(String location) {
        assertThat(S3Prefix.parse("s3://scans/in").contains(Location.parse(location)))
                .isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "https://host/files/a.nii",
                "https://HOST/files/a.nii?X-Amz-Signature=abc",
                "https://host:443/files/b/a.nii"
            })
    void shouldHoldAUrlWhenOriginAndPathAreTheServers(String location) {
        assertThat(HttpPrefix.parse("https://host/files").contains(Location.parse(location)))
                .isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://host/files/a.nii",
                "https://host:8443/files/a.nii",
                "https://host.evil/files/a.nii",
                "https://hos/files/a.nii",
                "https://host/filesystem/a.nii",
                "https://host/FILES/a.nii",
                "s3://host/files/a.nii"
            })
    void shouldNotHoldAUrlWhenItPointsElsewhere(String location) {
        assertThat(HttpPrefix.parse("https://host/files").contains(Location.parse(location)))
                .isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "https://host/files/../secret",
                "https://host/files/./a",
                "https://host/files/%2e%2E/secret",
                "https://host/files%2fsecret",
                "https://host/files/%5c..%5csecret",
                "https://host/files/%00",
                "https://user:password@host/files/a",
                "https://host/files/a#b",
                "s3://scans/in/a b",
                "mailto:somebody",
                "/data/a.nii"
            })
    void shouldRefuseALocationWhenItsSpellingHidesSomething(String location) {
        assertThatThrownBy(() -> Location.parse(location))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageNotContaining("files")
                .hasMessageNotContaining("scans");
    }

    @Test
    void shouldGiveTheSameKeyBackWhenItHoldsSigns() {
        S3Prefix place = S3Prefix.parse("s3://masks/out");

        URI uri = place.uri("a%2Fb~c d/r0.nii.gz");

        assertThat(place.contains(Location.parse(uri.toString()))).isTrue();
        assertThat(Location.parse(uri.toString()).key()).isEqualTo("out/a%2Fb~c d/r0.nii.gz");
    }

    @Test
    void shouldKeepTheQueryToItselfWhenShown() {
        assertThat(Location.parse("https://host/a?X-Amz-Signature=secret").toString())
                .isEqualTo("https://host/a");
    }
}
