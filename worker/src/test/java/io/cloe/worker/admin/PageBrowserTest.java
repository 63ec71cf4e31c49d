package io.cloe.worker.admin;

import static io.cloe.worker.review.Studies.START;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.cloe.schemas.QaFeedback;
import io.cloe.schemas.QaVerdict;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyPhase;
import io.cloe.worker.review.Studies;
import java.awt.image.BufferedImage;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

/**
 * The page in a real browser, over phantoms and ten thousand studies. Needs Chromium, and the page built with Node.js; says so when it
 * is skipped. Its pictures are in {@code target/page-pictures}.
 */
class PageBrowserTest {

    private static final Path PHANTOMS =
            Path.of("..", "deploy", "phantoms").toAbsolutePath().normalize();
    private static final Path PAGE = Path.of("target", "page").toAbsolutePath();
    private static final Path PICTURES = Path.of("target", "page-pictures").toAbsolutePath();
    private static final List<String> ALL = List.of("T1", "T1CE", "T2", "FLAIR");
    private static final String TOKEN = "a-token-of-more-than-sixteen-characters";
    private static final Duration PATIENCE = Duration.ofMinutes(5);

    private static Optional<Path> chromium() {
        return Stream.of("chromium", "chromium-browser", "google-chrome")
                .map(name -> Path.of("/usr/bin", name))
                .filter(Files::isExecutable)
                .findFirst();
    }

    @Test
    void shouldShowWhatAReviewerNeedsWhenOpenedInABrowser() throws Exception {
        assumeTrue(chromium().isPresent(), "SKIPPED: no Chromium here (Debian's package chromium)");
        assumeTrue(
                Files.isDirectory(PAGE.resolve("node_modules/puppeteer-core"))
                        && PageFiles.class.getResource("page/index.html") != null,
                "SKIPPED: the page was not built (Node.js 18 or newer; not with -Dpage.skip)");
        try (RunningAdmin admin = new RunningAdmin(Optional.empty(), PHANTOMS);
                RunningAdmin guarded = new RunningAdmin(Optional.of(TOKEN))) {
            fill(admin);
            guarded.catalogue.accept(Studies.segmentation("guarded", 0, ALL));

            String said = look(admin, guarded);

            assertThat(said).contains("ALL AS IT SHOULD BE");
            assertThat(admin.feedback)
                    .extracting(QaFeedback::getVerdict)
                    .containsExactly(QaVerdict.REJECT, QaVerdict.ACCEPT, QaVerdict.CORRECT);
            assertThat(admin.feedback.get(0).getReason()).isEqualTo("wrong side 123 arjk");
        }
        for (String picture :
                List.of("volumes-three-planes", "volumes-axial", "slices-three-planes", "slices-sagittal")) {
            assertShowsTissueAndMask(picture);
        }
    }

    private static void fill(RunningAdmin admin) throws IOException {
        for (int i = 0; i < 10_000; i++) {
            String id = String.format("study-%05d", i);
            List<String> used = i % 3 == 0 ? ALL.subList(0, 3) : i % 7 == 0 ? List.of("T1", "T2", "FLAIR") : ALL;
            String[] flags = i % 50 == 0
                    ? new String[] {"LOW_CONSISTENCY", "DEMONSTRATION_MODEL"}
                    : i % 20 == 0 ? new String[] {"SMALL_REGION"} : new String[0];
            admin.catalogue.accept(Studies.segmentation(id, 0, used, flags));
            admin.catalogue.accept(Studies.weights(id, 0, used, 0.7 + 0.25 * Math.sin(i)));
            admin.catalogue.accept(Studies.status(id, StudyPhase.SEGMENTED, START.minusSeconds(i), used));
        }
        admin.catalogue.accept(Studies.status("failed", StudyPhase.FAILED, START, List.of()));
        admin.catalogue.accept(Studies.segmentation("<img src=x onerror=alert(1)>", 0, ALL));
        List<Path> phantoms;
        try (Stream<Path> folders = Files.list(PHANTOMS)) {
            phantoms = folders.sorted().toList();
        }
        phantom(admin, "complete", phantoms.get(0), ALL, 0);
        phantom(admin, "two-of-four", phantoms.get(1), List.of("T1CE", "FLAIR"), 0);
        phantom(admin, "late-scan", phantoms.get(2), List.of("T1", "T2", "FLAIR"), 0);
    }

    private static void phantom(RunningAdmin admin, String id, Path folder, List<String> used, int revision)
            throws IOException {
        for (String modality : used) {
            admin.catalogue.accept(Studies.scan(
                    id,
                    modality,
                    folder.resolve(modality.toLowerCase(java.util.Locale.ROOT) + ".nii.gz")
                            .toUri()
                            .toString()));
        }
        Segmentation segmentation = Studies.segmentation(id, revision, used, "DEMONSTRATION_MODEL");
        admin.catalogue.accept(Studies.withVolumes(
                Studies.withMask(
                        segmentation, folder.resolve("seg.nii.gz").toUri().toString(), "mask-of-" + folder),
                Map.of("WT", 61.5 - 20 * revision, "TC", 22.25, "ET", 9.5, "NCR", 12.75, "ED", 39.25 - 20 * revision)));
        admin.catalogue.accept(Studies.weights(id, revision, used, revision == 0 ? 0.55 : 0.3));
        admin.catalogue.accept(Studies.status(id, StudyPhase.SEGMENTED, START.plusSeconds(revision), used));
    }

    private static String look(RunningAdmin admin, RunningAdmin guarded) throws Exception {
        Files.createDirectories(PICTURES);
        Path script = Files.copy(
                Path.of("src", "test", "page", "look.mjs"),
                PAGE.resolve("look.mjs"),
                StandardCopyOption.REPLACE_EXISTING);
        Process browser = new ProcessBuilder(
                        "node",
                        script.toString(),
                        chromium().orElseThrow().toString(),
                        admin.address().toString(),
                        PICTURES.toString(),
                        guarded.address().toString(),
                        TOKEN)
                .redirectErrorStream(true)
                .start();
        List<String> said = new ArrayList<>();
        try (BufferedReader out = browser.inputReader()) {
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                said.add(line);
                if (line.equals("ADD A REVISION")) {
                    try (Stream<Path> folders = Files.list(PHANTOMS)) {
                        phantom(admin, "late-scan", folders.sorted().toList().get(2), ALL, 1);
                    }
                }
            }
            assertThat(browser.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
            assertThat(browser.exitValue()).as(String.join("\n", said)).isZero();
            return String.join("\n", said);
        } finally {
            browser.destroy();
        }
    }

    /** Greys of a head, and the three colours of a mask at half opacity over them. */
    private static void assertShowsTissueAndMask(String name) throws IOException {
        BufferedImage picture = ImageIO.read(PICTURES.resolve(name + ".png").toFile());
        int grey = 0;
        int blue = 0;
        int yellow = 0;
        int red = 0;
        for (int y = 150; y < 800; y++) {
            for (int x = 420; x < picture.getWidth(); x++) {
                int rgb = picture.getRGB(x, y);
                int r = rgb >> 16 & 0xFF;
                int g = rgb >> 8 & 0xFF;
                int b = rgb & 0xFF;
                grey += Math.max(Math.abs(r - g), Math.abs(g - b)) < 4 && r > 60 ? 1 : 0;
                blue += b > r + 40 && b > g + 10 && r > 60 ? 1 : 0;
                yellow += r > b + 50 && Math.abs(r - g) < 30 ? 1 : 0;
                red += r > g + 45 && g > b + 5 ? 1 : 0;
            }
        }
        assertThat(grey).as("%s: tissue", name).isGreaterThan(20_000);
        assertThat(blue).as("%s: NCR", name).isGreaterThan(100);
        assertThat(yellow).as("%s: ED", name).isGreaterThan(300);
        assertThat(red).as("%s: ET", name).isGreaterThan(100);
    }
}
