package io.cloe.worker.execution;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.InferenceFaults;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.PreviousResult;
import io.cloe.schemas.VolumeReference;
import io.cloe.worker.RecordedLog;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What names a patient may stand in study ids, paths and headers; it must not reach a log or a fault. */
class PrivacyTest {

    private static final String STUDY = "MUSTERMANN-ERIKA-19640812";
    private static final String FILE = "mustermann_erika_t1";
    private static final String HEADER = "Mustermann^Erika";

    @TempDir
    Path folder;

    @Test
    void shouldNotTellWhoseStudyItIsWhenJobsSucceedFailAndThrow() throws Exception {
        AtomicInteger creations = new AtomicInteger();
        try (RecordedLog log = new RecordedLog();
                ExecutorScenario scenario = ExecutorScenario.in(folder)
                        .volumes(real -> reference -> {
                            if (reference.getUri().contains("thrown")) {
                                throw new IllegalStateException("cannot cope with " + reference);
                            }
                            return real.load(reference);
                        })
                        .masks(real -> new ForwardingMasks(real, creations::incrementAndGet))
                        .start()) {
            VolumeReference good = planted(scenario, "good");
            InferenceOutcome outcome = scenario.outcomeOf(job(good).build());
            assertThat(outcome.getMask().getUri()).as("the value is planted").contains(STUDY);

            Files.delete(ExecutorScenario.pathOf(outcome.getMask().getUri()));
            scenario.outcomeOf(job(good)
                    .setPrevious(new PreviousResult(0, outcome.getMask(), Map.of()))
                    .build());
            scenario.outcomeOf(job(good)
                    .setPrevious(new PreviousResult(
                            0,
                            MaskReference.newBuilder(outcome.getMask())
                                    .setUri("no uri " + STUDY)
                                    .build(),
                            Map.of()))
                    .build());

            for (VolumeReference bad : bad(scenario)) {
                Object body = scenario.run(job(bad).build()).getBody();
                assertThat(body).isInstanceOf(InferenceFaults.class);
                assertHarmless(body.toString());
            }

            Files.writeString(
                    ExecutorScenario.pathOf(
                            scenario.outcomeOf(job(good).setRevision(7).build())
                                    .getMask()
                                    .getUri()),
                    "another mask");
            assertHarmless(scenario.faultsOf(job(good).setRevision(7).build()).toString());

            assertThat(creations.get()).isGreaterThan(3);
            // Guards against a recorder that hears nothing.
            assertThat(log.text())
                    .contains("queued", "done: revision", "cannot be used", "IllegalStateException", "superseded");
            assertHarmless(log.text());
            assertThat(log.text()).as("a job's id is a hash of its study's").doesNotContainPattern("job-\\d");
            assertThat(log.text()).as("no place in the file system").doesNotContain(folder.toString(), "file:");
        }
    }

    private static void assertHarmless(String text) {
        assertThat(text).doesNotContainIgnoringCase("mustermann").doesNotContainIgnoringCase("erika");
    }

    private static InferenceJob.Builder job(VolumeReference volume) {
        return Jobs.of(STUDY, Map.of("T1", volume));
    }

    private static VolumeReference planted(ExecutorScenario scenario, String kind) {
        return Phantom.reference(Phantom.write(
                scenario.input.resolve(STUDY).resolve(FILE + kind + ".nii.gz"),
                Phantom.noise(1).description(HEADER).gzip()));
    }

    private static List<VolumeReference> bad(ExecutorScenario scenario) {
        VolumeReference wrong = VolumeReference.newBuilder(planted(scenario, "wrong"))
                .setSha256("1".repeat(64))
                .build();
        byte[] damaged = Phantom.noise(1).description(HEADER).gzip();
        damaged[damaged.length / 2] ^= 0x21;
        byte[] noVolume = (HEADER + " is no volume").repeat(40).getBytes(StandardCharsets.UTF_8);
        Path home = scenario.input.resolve(STUDY);
        return List.of(
                wrong,
                Phantom.unverified(home.resolve(FILE + "missing.nii.gz")),
                Phantom.unverified(Phantom.write(home.resolve(FILE + "damaged.nii.gz"), damaged)),
                Phantom.unverified(Phantom.write(home.resolve(FILE + "text.nii.gz"), noVolume)),
                Phantom.unverified(Phantom.write(
                        home.resolve(FILE + "zero.nii.gz"),
                        Phantom.empty().description(HEADER).gzip())),
                Phantom.unverified(Path.of("/elsewhere", STUDY, FILE)),
                new VolumeReference("no uri at all " + FILE, "nifti", null, null),
                new VolumeReference("file:///" + FILE + "?" + HEADER, "nifti", null, null),
                new VolumeReference("file:///" + FILE, HEADER, null, null),
                planted(scenario, "thrown"));
    }
}
