package io.cloe.worker.execution;

import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.schemas.serde.UnreadableRecordException;
import io.cloe.worker.bundle.ModelIdentity;
import io.cloe.worker.volume.MaskFile;
import io.cloe.worker.volume.Sha256;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Results that outlive the process, one file each, named by the digests of model and input. A help, never a need: a file that cannot be read
 * or is not what its name says counts as absent, and a disk that takes nothing more costs only the next replay its time.
 *
 * <p>Safe for several threads, and for several workers on one directory.
 */
final class ResultFiles {

    private static final Logger LOG = LoggerFactory.getLogger(ResultFiles.class);
    private static final String SUFFIX = ".result";
    private static final RecordSerde<InferenceResult> SERDE = RecordSerde.of(InferenceResult.class);

    private final Path directory;
    private final long mostBytes;

    /** Of all files; negative until they were counted. */
    private long bytes = -1;

    /**
     * @param directory made when needed
     * @param mostBytes what the files may take together; the ones that were not used for longest go first
     */
    ResultFiles(Path directory, long mostBytes) {
        this.directory = directory;
        this.mostBytes = mostBytes;
    }

    private record Kept(Path file, long bytes, FileTime usedAt) {}

    Optional<Measures> find(ModelIdentity model, String inputDigest) {
        Path file = file(model, inputDigest);
        try {
            InferenceResult record = SERDE.deserialize("", Files.readAllBytes(file));
            Optional<Measures> measures = measures(record, model, inputDigest);
            if (measures.isPresent()) {
                Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
                return measures;
            }
            LOG.warn("a kept result is not what its name says; it is made anew");
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException | UnreadableRecordException e) {
            LOG.warn(
                    "a kept result cannot be read and is made anew: {}",
                    e.getClass().getSimpleName());
        }
        return Optional.empty();
    }

    void put(ModelIdentity model, String inputDigest, Measures measures) {
        byte[] content = SERDE.serialize("", record(model, inputDigest, measures));
        Path file = file(model, inputDigest);
        try {
            Files.createDirectories(file.getParent());
            Path unfinished = Files.createTempFile(file.getParent(), ".writing-", ".tmp");
            try {
                Files.write(unfinished, content);
                Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(unfinished);
            }
            makeRoom(content.length);
        } catch (IOException | UncheckedIOException e) {
            LOG.warn("a result is not kept for replays: {}", e.getClass().getSimpleName());
        }
    }

    private synchronized void makeRoom(long added) throws IOException {
        if (bytes >= 0) {
            bytes += added;
        }
        if (bytes >= 0 && bytes <= mostBytes) {
            return;
        }
        List<Kept> kept = kept();
        bytes = kept.stream().mapToLong(Kept::bytes).sum();
        for (Kept oldest : kept) {
            if (bytes <= mostBytes) {
                return;
            }
            Files.deleteIfExists(oldest.file());
            bytes -= oldest.bytes();
        }
    }

    /** What is there, what was not used for longest first. */
    private List<Kept> kept() throws IOException {
        List<Kept> kept = new ArrayList<>();
        try (Stream<Path> files = Files.walk(directory, 2)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                if (file.toString().endsWith(SUFFIX)) {
                    attributes(file)
                            .ifPresent(found -> kept.add(new Kept(file, found.size(), found.lastModifiedTime())));
                }
            }
        }
        kept.sort(Comparator.comparing(Kept::usedAt));
        return kept;
    }

    /** Empty when another worker has deleted it. */
    private static Optional<BasicFileAttributes> attributes(Path file) throws IOException {
        try {
            return Optional.of(Files.readAttributes(file, BasicFileAttributes.class));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    private Path file(ModelIdentity model, String inputDigest) {
        return directory.resolve(model.digest()).resolve(inputDigest + SUFFIX);
    }

    /** What travels between worker and topology holds all of it already, so that its schema carries the files over upgrades. */
    private static InferenceResult record(ModelIdentity model, String inputDigest, Measures measures) {
        MaskFile mask = measures.mask();
        InferenceOutcome outcome = InferenceOutcome.newBuilder()
                .setModel(new ModelReference(model.family(), model.id(), model.version(), model.digest()))
                .setMask(MaskReference.newBuilder()
                        .setUri("")
                        .setSha256(mask.sha256())
                        .setSizeBytes(mask.bytes().length)
                        .setInline(ByteBuffer.wrap(mask.bytes()))
                        .setLabelScheme("")
                        .setDims(measures.dims())
                        .setAffine(measures.affine())
                        .build())
                .setVolumesMl(measures.volumesMl())
                .setGating(measures.gating())
                .setGateActed(measures.gateActed())
                .setFlags(measures.flags())
                .setTimingsMs(Map.of())
                .setInputDigest(inputDigest)
                .setFinishedAt(Instant.EPOCH)
                .build();
        return new InferenceResult("", "", outcome);
    }

    private static Optional<Measures> measures(InferenceResult record, ModelIdentity model, String inputDigest) {
        if (!(record.getBody() instanceof InferenceOutcome outcome)
                || !outcome.getModel().getSha256().equals(model.digest())
                || !outcome.getInputDigest().equals(inputDigest)
                || outcome.getMask().getInline() == null) {
            return Optional.empty();
        }
        MaskReference mask = outcome.getMask();
        byte[] bytes = new byte[mask.getInline().remaining()];
        mask.getInline().get(bytes);
        if (!Sha256.of(bytes).equals(mask.getSha256())) {
            return Optional.empty();
        }
        return Optional.of(new Measures(
                new MaskFile(bytes, mask.getSha256()),
                mask.getDims(),
                mask.getAffine(),
                outcome.getVolumesMl(),
                outcome.getGating(),
                outcome.getGateActed(),
                outcome.getFlags()));
    }
}
