package io.cloe.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloe.worker.bundle.BundleFixture;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.StartupException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class CloeCommandTest {

    /** Nothing listens there. */
    private static final String NOBODY = "127.0.0.1:1";

    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int cloe(String... arguments) {
        return cloe(out, err, arguments);
    }

    /** Runs the command line as a shell would; the exit status. */
    static int cloe(StringWriter out, StringWriter err, String... arguments) {
        CommandLine command = CloeCommand.commandLine();
        command.setOut(new PrintWriter(out, true));
        command.setErr(new PrintWriter(err, true));
        return command.execute(arguments);
    }

    private String onlyErrorLine() {
        assertThat(err.toString().lines()).as("standard error").hasSize(1);
        assertThat(out.toString()).as("standard output").isEmpty();
        assertThat(err.toString()).startsWith("cloe: ");
        return err.toString();
    }

    /** Arguments of a worker that lacks nothing but a broker; given settings win. */
    private String[] run(Path bundle, String... settings) {
        List<String> arguments = new ArrayList<>(List.of(
                "run",
                "-Dbootstrap.servers=" + NOBODY,
                "-Dmodel.bundles=" + bundle,
                "-Dvolume.roots=" + folder,
                "-Dmask.directory=" + folder.resolve("masks"),
                "-Dstate.directory=" + folder.resolve("state"),
                "-Ddevice=cpu"));
        for (String setting : settings) {
            String key = setting.substring(0, setting.indexOf('=') + 1);
            arguments.removeIf(argument -> argument.startsWith("-D" + key));
            arguments.add("-D" + setting);
        }
        return arguments.toArray(String[]::new);
    }

    private Path damagedBundle() {
        Path bundle = BundleFixture.copy(BundleFixture.tiny(), folder.resolve("damaged"));
        try {
            Path weights = bundle.resolve("graphs/weights.bin");
            byte[] bytes = Files.readAllBytes(weights);
            bytes[100] ^= 1;
            Files.write(weights, bytes);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return bundle;
    }

    // ---- usage

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--help",
                "--version",
                "help",
                "run --help",
                "submit --help",
                "watch --help",
                "why --help",
                "force --help",
                "hold --help",
                "extend --help",
                "cancel --help",
                "topics --help",
                "topics create --help",
                "model --help",
                "model verify --help",
                "device --help",
                "device check --help",
                "config --help",
                "config docs --help",
                "completion --help"
            })
    void shouldEndWellWhenHelpIsAskedFor(String arguments) {
        assertThat(cloe(arguments.split(" "))).isEqualTo(ExitCode.OK);
        assertThat(out.toString()).isNotBlank();
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void shouldColourErrorsOnlyWhenTheyAreForATerminal() {
        assertThat(cloe("submit", folder.resolve("nothing").toString())).isEqualTo(ExitCode.CONFIGURATION);
        assertThat(err.toString()).startsWith("cloe: ").doesNotContain("\u001b");

        StringWriter terminal = new StringWriter();
        CloeCommand.commandLine()
                .setErr(new PrintWriter(terminal, true))
                .setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.ON))
                .execute("submit", folder.resolve("nothing").toString());
        assertThat(terminal.toString()).startsWith("\u001b[1;31mcloe: ").endsWith("\u001b[0m" + System.lineSeparator());
    }

    @Test
    void shouldListCommandsAndExitCodesWhenHelpIsAskedFor() {
        cloe("--help");

        assertThat(out.toString())
                .contains(
                        "run",
                        "submit",
                        "watch",
                        "why",
                        "force",
                        "hold",
                        "extend",
                        "cancel",
                        "topics",
                        "model",
                        "config",
                        "NOT FOR CLINICAL USE");
        assertThat(out.toString().lines().map(String::strip))
                .anyMatch(line -> line.matches("3\\s+no Kafka broker answers.*"))
                .anyMatch(line -> line.matches("7\\s+not all that was waited for.*"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "nonsense",
                "",
                "run --nonsense",
                "run -Dnonsense",
                "submit",
                "model verify",
                "why",
                "force",
                "extend study-1",
                "watch --count many"
            })
    void shouldSayThatTheUsageIsWrongWhenItIs(String arguments) {
        String[] split = arguments.isEmpty() ? new String[0] : arguments.split(" ");

        assertThat(cloe(split)).isEqualTo(ExitCode.CONFIGURATION);
        assertThat(err.toString()).isNotBlank().doesNotContain("Exception");
    }

    @ParameterizedTest
    @EnumSource(StartupException.Kind.class)
    void shouldHaveADocumentedExitCodeWhenAWorkerCannotStart(StartupException.Kind kind) {
        cloe("--help");

        assertThat(out.toString().lines().map(String::strip))
                .anyMatch(line -> line.startsWith(ExitCode.of(kind) + " "));
        assertThat(ExitCode.of(kind)).isGreaterThan(ExitCode.CONFIGURATION);
    }

    @Test
    void shouldPrintTheReferenceWhenTheSettingsAreAskedFor() {
        assertThat(cloe("config", "docs")).isEqualTo(ExitCode.OK);
        assertThat(out.toString()).isEqualTo(WorkerConfig.reference());
    }

    // ---- run

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "study.timeout=soon | study.timeout | soon",
                "stream.threads=0 | stream.threads | at least 1",
                "nonsense=1 | unknown setting nonsense | allowed",
                "volume.roots=relative | volume.roots | an absolute path",
                "device=gpu | device | auto, cpu, cuda:N or tensorrt:N",
                "study.required=T1CE | study.required | T1CE; allowed: FLAIR, T1, T2",
                "kafka.processing.guarantee=at_least_once | kafka.processing.guarantee | allowed: leave it out",
                "bootstrap.servers=nonsense | bootstrap.servers | nonsense",
                "kafka.security.protocol=nonsense | security.protocol | nonsense",
            })
    void shouldSayInOneLineWhatIsWrongWhenASettingIs(String setting, String what, String allowed) {
        assertThat(cloe(run(BundleFixture.tiny(), setting))).isEqualTo(ExitCode.CONFIGURATION);
        assertThat(onlyErrorLine()).contains(what, allowed);
    }

    @ParameterizedTest
    @ValueSource(strings = {"bootstrap.servers", "model.bundles", "volume.roots", "mask.directory"})
    void shouldNameTheSettingWhenItIsMissing(String key) {
        List<String> arguments = new ArrayList<>(List.of(run(BundleFixture.tiny())));
        arguments.removeIf(argument -> argument.startsWith("-D" + key));

        assertThat(cloe(arguments.toArray(String[]::new))).isEqualTo(ExitCode.CONFIGURATION);
        assertThat(onlyErrorLine()).contains("missing setting " + key);
    }

    @Test
    void shouldNameTheFileWhenTheConfigurationCannotBeRead() {
        Path missing = folder.resolve("missing.properties");

        assertThat(cloe("run", "--config", missing.toString())).isEqualTo(ExitCode.CONFIGURATION);
        assertThat(onlyErrorLine()).contains(missing.toString());
    }

    @Test
    void shouldReadTheFileWhenOneIsGiven() throws Exception {
        Path file = Files.writeString(folder.resolve("cloe.properties"), "study.timeout = never\n");
        List<String> arguments = new ArrayList<>(List.of(run(BundleFixture.tiny())));
        arguments.addAll(List.of("-c", file.toString()));

        assertThat(cloe(arguments.toArray(String[]::new))).isEqualTo(ExitCode.CONFIGURATION);
        assertThat(onlyErrorLine()).contains("study.timeout", "never");
    }

    @Test
    void shouldSayThatNobodyAnswersWhenThereIsNoBroker() {
        assertThat(cloe(run(BundleFixture.tiny()))).isEqualTo(ExitCode.KAFKA);
        assertThat(onlyErrorLine()).contains("no Kafka broker answers at " + NOBODY);
    }

    /** The broker would take 15 s to be missed and give another exit code: the bundle is looked at first. */
    @Test
    void shouldRefuseTheModelBeforeAnyBrokerIsAskedWhenAByteChanged() {
        assertThat(cloe(run(damagedBundle()))).isEqualTo(ExitCode.MODEL);
        assertThat(onlyErrorLine()).contains("model bundle damaged refused", "weights.bin");
    }

    @Test
    void shouldRefuseTheModelsWhenTwoServeOneFamily() {
        Path copy = BundleFixture.copy(BundleFixture.tiny(), folder.resolve("copy"));

        assertThat(cloe(run(BundleFixture.tiny(), "model.bundles=" + BundleFixture.tiny() + "," + copy)))
                .isEqualTo(ExitCode.MODEL);
        assertThat(onlyErrorLine()).contains("test-family", "allowed: one per family");
    }

    @Test
    void shouldSayThatTheMaskDirectoryIsUnusableWhenItIsAFile() throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "not a folder");

        assertThat(cloe(run(BundleFixture.tiny(), "mask.directory=" + file))).isEqualTo(ExitCode.MASK_STORE);
        assertThat(onlyErrorLine()).contains("mask.directory", file.toString());
    }

    @Test
    void shouldSayThatTheStateDirectoryIsUnusableWhenItIsAFile() throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "not a folder");

        assertThat(cloe(run(BundleFixture.tiny(), "state.directory=" + file))).isEqualTo(ExitCode.CONFIGURATION);
        assertThat(onlyErrorLine()).contains("state.directory " + file, "allowed: ");
    }

    // ---- model

    @Test
    void shouldVouchForTheBundleWhenItIsWhole() {
        assertThat(cloe("model", "verify", BundleFixture.tiny().toString())).isEqualTo(ExitCode.OK);
        assertThat(err.toString()).isEmpty();
        assertThat(out.toString())
                .contains("test-family tiny 1.0.0: ok", "T1, T2, FLAIR", "graphs      7", "NOT FOR CLINICAL USE");
    }

    @Test
    void shouldVouchInJsonWhenAskedTo() throws Exception {
        assertThat(cloe("model", "verify", BundleFixture.tiny().toString(), "--json"))
                .isEqualTo(ExitCode.OK);
        JsonNode verified = new ObjectMapper().readTree(out.toString());
        assertThat(verified.get("version").asText()).isEqualTo("1.0.0");
        assertThat(verified.get("graphs").asInt()).isEqualTo(7);
        assertThat(verified.get("modalities")).hasSize(3);
        assertThat(verified.get("notForClinicalUse").asBoolean()).isTrue();
    }

    @Test
    void shouldNameTheFileWhenAByteOfTheBundleChanged() {
        assertThat(cloe("model", "verify", damagedBundle().toString())).isEqualTo(ExitCode.MODEL);
        assertThat(onlyErrorLine()).contains("bundle refused", "weights.bin");
    }

    @Test
    void shouldRefuseTheBundleWhenTheFolderIsMissing() {
        assertThat(cloe("model", "verify", folder.resolve("missing").toString()))
                .isEqualTo(ExitCode.MODEL);
        assertThat(onlyErrorLine()).contains("bundle refused");
    }

    @ParameterizedTest
    @ValueSource(strings = {"model verify", "device check"})
    void shouldSayWhatIsAllowedWhenTheBundleIsInABucket(String command) {
        String[] words = command.split(" ");
        assertThat(cloe(words[0], words[1], "s3://models/live/next")).isEqualTo(ExitCode.CONFIGURATION);
        assertThat(err.toString()).contains("object store; allowed: a folder on this machine");
    }

    /** Its digest is right, so that only ONNX Runtime finds out: still the model's fault, not the device's. */
    @Test
    void shouldRefuseTheBundleWhenAGraphHasAnotherInterface() throws Exception {
        Path bundle = BundleFixture.copy(BundleFixture.tiny(), folder.resolve("swapped"));
        byte[] forTwoModalities = Files.readAllBytes(bundle.resolve("graphs/T1+T2.onnx"));
        BundleFixture.replaceListed(bundle, "graphs/T1.onnx", forTwoModalities);

        assertThat(cloe("model", "verify", bundle.toString())).isEqualTo(ExitCode.MODEL);
        assertThat(onlyErrorLine()).contains("T1.onnx");
    }

    @Test
    void shouldSayWhatIsAllowedWhenTheDeviceIsUnknown() {
        assertThat(cloe(
                        "model",
                        "verify",
                        "--device",
                        "gpu",
                        BundleFixture.tiny().toString()))
                .isEqualTo(ExitCode.CONFIGURATION);
        assertThat(onlyErrorLine()).contains("gpu", "auto, cpu, cuda:N and tensorrt:N");
    }

    // ---- submit, topics, watch

    @Test
    void shouldSayWhatItLooksForWhenTheFolderHoldsNoVolumes() {
        assertThat(cloe("submit", "-Dbootstrap.servers=" + NOBODY, folder.toString()))
                .isEqualTo(ExitCode.CONFIGURATION);
        assertThat(onlyErrorLine()).contains("no volumes in " + folder, "allowed: ");
    }

    @Test
    void shouldNameTheFolderWhenThereIsNoSuch() {
        Path missing = folder.resolve("missing");

        assertThat(cloe("submit", "-Dbootstrap.servers=" + NOBODY, missing.toString()))
                .isEqualTo(ExitCode.CONFIGURATION);
        assertThat(onlyErrorLine()).contains(missing.toString());
    }

    @Test
    void shouldFindNothingToSendWhenNoVolumeIsOfTheModalitiesAskedFor() throws Exception {
        Files.createFile(folder.resolve("t1.nii.gz"));

        assertThat(cloe("submit", "-Dbootstrap.servers=" + NOBODY, "--modalities", "T2", folder.toString()))
                .isEqualTo(ExitCode.CONFIGURATION);
        assertThat(onlyErrorLine()).contains("no volumes");
    }

    @Test
    void shouldNameBothFilesWhenTwoAreOfOneModality() throws Exception {
        Files.createFile(folder.resolve("t1.nii.gz"));
        Files.createFile(folder.resolve("t1n.nii.gz"));

        assertThat(cloe("submit", "-Dbootstrap.servers=" + NOBODY, folder.toString()))
                .isEqualTo(ExitCode.CONFIGURATION);
        assertThat(onlyErrorLine()).contains("t1.nii.gz", "t1n.nii.gz");
    }

    @ParameterizedTest
    @CsvSource({
        "submit --deadline soon DIR, --deadline soon",
        "submit --deadline 5 DIR, --deadline 5",
        "watch --timeout never, --timeout never",
        "topics create --partitions 0, --partitions 0",
        "extend study-1 --by later, --by later"
    })
    void shouldNameTheOptionWhenItsValueIsWrong(String arguments, String named) throws Exception {
        Files.createFile(folder.resolve("t1.nii.gz"));
        List<String> all = new ArrayList<>(
                List.of(arguments.replace("DIR", folder.toString()).split(" ")));
        all.add("-Dbootstrap.servers=" + NOBODY);

        assertThat(cloe(all.toArray(String[]::new))).isEqualTo(ExitCode.CONFIGURATION);
        assertThat(onlyErrorLine()).contains(named, "allowed: ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"submit DIR", "watch", "topics create", "why study-1", "hold study-1"})
    void shouldNameTheSettingWhenTheBrokersAreMissing(String arguments) throws Exception {
        Files.createFile(folder.resolve("t1.nii.gz"));

        assertThat(cloe(arguments.replace("DIR", folder.toString()).split(" "))).isEqualTo(ExitCode.CONFIGURATION);
        assertThat(onlyErrorLine()).contains("missing setting bootstrap.servers");
    }

    @ParameterizedTest
    @ValueSource(strings = {"submit DIR", "watch", "topics create", "why study-1", "hold study-1"})
    void shouldSayInOneLineWhatIsWrongWhenTheBrokersAddressIs(String arguments) throws Exception {
        Files.createFile(folder.resolve("t1.nii.gz"));
        List<String> all = new ArrayList<>(
                List.of(arguments.replace("DIR", folder.toString()).split(" ")));
        all.add("-Dbootstrap.servers=no-port");

        assertThat(cloe(all.toArray(String[]::new))).isEqualTo(ExitCode.CONFIGURATION);
        assertThat(err.toString().lines()).hasSize(1);
        assertThat(err.toString()).contains("bootstrap.servers", "no-port");
    }

    @Test
    void shouldSayThatTheBundleIsRefusedWhenADeviceIsCheckedWithADamagedOne() {
        assertThat(cloe("device", "check", damagedBundle().toString())).isEqualTo(ExitCode.MODEL);
        assertThat(err.toString()).contains("bundle refused");
    }
}
