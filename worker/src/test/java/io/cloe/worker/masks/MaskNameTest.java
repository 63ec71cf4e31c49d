package io.cloe.worker.masks;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class MaskNameTest {

    private static final Path ROOT = Path.of("/masks");
    private static final String MODEL = "0123456789abcdef".repeat(4);
    private static final String MASK = "00112233445566778899".repeat(4).substring(0, 64);
    private static final String INPUT = "fedcba9876543210".repeat(4);

    /** Any text that can stand in an Avro string, with the nasty ones more often than chance would bring them. */
    @Provide
    Arbitrary<String> studyIds() {
        Arbitrary<String> nasty = Arbitraries.of(
                "",
                ".",
                "..",
                "...",
                "../..",
                "a/b",
                "/etc/passwd",
                "a\\b",
                ".hidden",
                "~",
                "%",
                "%2F",
                "a~b",
                "\0",
                "\n",
                "CON",
                "Ünïcödé",
                "漢字",
                "\uD83E\uDDE0",
                " ",
                "a ",
                "-rf");
        Arbitrary<String> pieces = nasty.list().ofMaxSize(6).map(list -> String.join("", list));
        Arbitrary<String> any = Arbitraries.integers()
                .between(0, Character.MAX_CODE_POINT)
                .filter(point -> point < Character.MIN_SURROGATE || point > Character.MAX_SURROGATE)
                .list()
                .ofMaxSize(40)
                .map(points -> points.stream()
                        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                        .toString());
        Arbitrary<String> plain =
                Arbitraries.strings().withChars("ab.-_%~/").ofMinLength(0).ofMaxLength(6);
        Arbitrary<String> lengthy =
                Arbitraries.strings().withChars("a/.").ofMinLength(95).ofMaxLength(300);
        return Arbitraries.oneOf(nasty, pieces, any, plain, lengthy);
    }

    @Property
    void shouldStayOneFolderBelowTheRootWhateverTheStudyIsCalled(@ForAll("studyIds") String studyId) {
        Path file = ROOT.resolve(new MaskName(studyId, 0, MODEL, INPUT, MASK).path());

        assertThat(file.normalize()).isEqualTo(file);
        assertThat(file.startsWith(ROOT)).isTrue();
        assertThat(file.getNameCount()).isEqualTo(3);
        String name = file.getName(1).toString();
        assertThat(name).hasSizeBetween(1, 100).matches("[A-Za-z0-9%~._-]+").doesNotStartWith(".");
    }

    @Property
    void shouldGiveDifferentStudiesDifferentFolders(@ForAll("studyIds") String one, @ForAll("studyIds") String other) {
        boolean sameFolder = new MaskName(one, 0, MODEL, INPUT, MASK)
                .path()
                .equals(new MaskName(other, 0, MODEL, INPUT, MASK).path());

        assertThat(sameFolder).isEqualTo(one.equals(other));
    }

    /** The pairs of a property are seldom alike; these were chosen to be. */
    @Example
    void shouldKeepLookalikesApart() {
        String lengthy = "a".repeat(299);
        List<String> lookalikes = List.of(
                "",
                "%",
                "%25",
                ".",
                "..",
                "%2E",
                "%2E.",
                "a/b",
                "a%2Fb",
                "a_b",
                "a~b",
                lengthy + "b",
                lengthy + "c",
                lengthy,
                "a".repeat(100),
                "a".repeat(101),
                "e\u0301",
                "\u00e9");
        Map<String, String> studyByPath = new HashMap<>();
        for (String study : lookalikes) {
            assertThat(studyByPath.put(new MaskName(study, 0, MODEL, INPUT, MASK).path(), study))
                    .as("shares its path with %s", study)
                    .isNull();
        }
    }

    @Example
    void shouldStayReadableWhenTheStudyIdIsHarmless() {
        assertThat(new MaskName("BraTS-GLI_00.1", 12, MODEL, INPUT, MASK).path())
                .isEqualTo("BraTS-GLI_00.1/r12-0123456789ab-fedcba987654-001122334455.nii.gz");
    }

    @Example
    void shouldDifferWhenRevisionModelInputOrMaskDiffers() {
        String path = new MaskName("s", 1, MODEL, INPUT, MASK).path();
        assertThat(new MaskName("s", 11, MODEL, INPUT, MASK).path()).isNotEqualTo(path);
        assertThat(new MaskName("s", 1, INPUT, INPUT, MASK).path()).isNotEqualTo(path);
        assertThat(new MaskName("s", 1, MODEL, MODEL, MASK).path()).isNotEqualTo(path);
        assertThat(new MaskName("s", 1, MODEL, INPUT, INPUT).path()).isNotEqualTo(path);
    }
}
