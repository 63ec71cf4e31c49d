package io.cloe.worker.volume;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.VolumeReference;
import java.io.IOException;
import java.io.InputStream;

/**
 * Reads a volume from wherever its bytes come, and holds them against what the reference says of them. The bytes are read once: digest and
 * voxels come from the same ones. Immutable, for any number of threads.
 */
public final class VolumeReading {
    private static final String NIFTI = "nifti";

    private final NiftiReader reader;

    /** @param reader reads the voxels */
    public VolumeReading(NiftiReader reader) {
        this.reader = reader;
    }

    /**
     * To be asked before anything is opened.
     *
     * @throws VolumeException VOLUME_UNSUPPORTED if the reference is to something else than a NIfTI file
     */
    public static void requireFormat(VolumeReference reference) throws VolumeException {
        if (!NIFTI.equalsIgnoreCase(reference.getFormat())) {
            throw VolumeException.unsupported("only the format " + NIFTI + " is supported");
        }
    }

    /**
     * To be asked before anything is read.
     *
     * @param size length of the file, compressed if it is, in bytes
     * @throws VolumeException CHECKSUM_MISMATCH if another size was announced, STUDY_TOO_LARGE if no volume that is allowed is as long
     */
    public void requireSize(long size, VolumeReference reference) throws VolumeException {
        if (reference.getSizeBytes() != null && reference.getSizeBytes() != size) {
            throw mismatch("the file's size is not the one announced");
        }
        if (size > reader.mostFileBytes()) {
            throw VolumeException.tooLarge("the file is longer than the largest volume allowed");
        }
    }

    /**
     * Reads a volume.
     *
     * @param in the file from its first byte on; left open
     * @param size its length in bytes
     * @throws VolumeException as {@link NiftiReader#read}, CHECKSUM_MISMATCH, or VOLUME_IO (retriable) if it is not as long as it was
     * @throws IOException if the stream itself fails
     */
    public LoadedVolume volume(InputStream in, long size, VolumeReference reference)
            throws IOException, VolumeException {
        var digested = new DigestedInputStream(in);
        Volume volume;
        try {
            volume = reader.read(digested, size);
        } catch (VolumeException e) {
            if (reference.getSha256() != null) {
                // A file that is not the one announced is the more telling cause of its damage.
                finish(digested, size, reference);
            }
            throw e;
        }
        return new LoadedVolume(volume, finish(digested, size, reference), size);
    }

    /**
     * Reads where the voxels lie.
     *
     * @param in the file from its first byte on; its beginning is enough. Left open
     * @throws VolumeException as {@link NiftiReader#read}
     * @throws IOException if the stream itself fails
     */
    public Grid grid(InputStream in) throws IOException, VolumeException {
        return reader.readGrid(in);
    }

    /** Reads what is left of the file and compares the digest of all of it. */
    private static String finish(DigestedInputStream in, long size, VolumeReference reference)
            throws IOException, VolumeException {
        in.readUpTo(size + 1); // one more byte than there should be tells that the file grew
        if (in.count() != size) {
            throw VolumeException.retriable(FailureReason.VOLUME_IO, "the file changed while it was read");
        }
        String digest = in.finish();
        if (reference.getSha256() != null && !reference.getSha256().equalsIgnoreCase(digest)) {
            throw mismatch("the file's SHA-256 is not the one announced");
        }
        return digest;
    }

    private static VolumeException mismatch(String message) {
        return VolumeException.permanent(FailureReason.CHECKSUM_MISMATCH, message);
    }
}
