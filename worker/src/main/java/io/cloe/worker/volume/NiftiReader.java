package io.cloe.worker.volume;

import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PushbackInputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.OptionalDouble;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * Reads single-file NIfTI-1 and NIfTI-2 volumes, plain or gzip, in either byte order.
 *
 * <p>One pass, straight into the final array. Memory is bounded before any is taken: by the configured number of voxels
 * and by what a file of the given size can hold at all. Text fields and header extensions are skipped, never kept.
 *
 * <p>Immutable; one reader serves any number of threads.
 */
public final class NiftiReader {
    private static final int CHUNK_BYTES = 1 << 16;
    private static final int HEADER_CHUNK_BYTES = 1 << 10;

    /** Extensions before the voxels, and bytes after them, are legal but are not read without end. */
    private static final long MOST_BYTES_BESIDE_VOXELS = 64L << 20;

    /** The deflate format cannot shrink data by more than this factor (258 bytes from two bits). */
    private static final long BEST_COMPRESSION = 1032;

    private static final int BLOCK_BYTES = 1 << 12;
    private static final byte[] ZEROS = new byte[BLOCK_BYTES];
    private static final int LARGEST_ARRAY = Integer.MAX_VALUE - 8;

    private final int maxVoxels;

    /**
     * @param maxVoxels volumes with more voxels are refused (STUDY_TOO_LARGE); at least 1
     * @throws IllegalArgumentException if the limit is out of its range
     */
    public NiftiReader(int maxVoxels) {
        if (maxVoxels < 1 || maxVoxels > LARGEST_ARRAY) {
            throw new IllegalArgumentException("the limit of voxels must be 1 to " + LARGEST_ARRAY);
        }
        this.maxVoxels = maxVoxels;
    }

    /** Longest file that can hold an acceptable volume: the widest type, plus what may lie around the voxels. */
    long mostFileBytes() {
        return 2 * MOST_BYTES_BESIDE_VOXELS + (long) maxVoxels * Double.BYTES;
    }

    /**
     * Reads one volume. The stream is left open, at an undefined place behind the voxels.
     *
     * @param file the file from its first byte on
     * @param fileBytes length of the file, compressed if it is
     * @throws VolumeException VOLUME_CORRUPT if the file is damaged, VOLUME_UNSUPPORTED if it is sound but not one
     *     volume of real numbers, STUDY_TOO_LARGE if it has too many voxels
     * @throws IOException if the stream itself fails
     */
    public Volume read(InputStream file, long fileBytes) throws VolumeException, IOException {
        var sniffed = new PushbackInputStream(file, 2);
        boolean gzip = isGzip(sniffed);
        try {
            if (!gzip) {
                return decode(sniffed, fileBytes);
            }
            // Closing frees the inflater's native memory at once; the file stays the caller's.
            try (var inflated = new GZIPInputStream(new Unclosed(sniffed), CHUNK_BYTES)) {
                Volume volume = decode(inflated, fileBytes * BEST_COMPRESSION);
                readToEnd(inflated);
                return volume;
            }
        } catch (EOFException e) {
            throw VolumeException.corrupt("the file ends too early");
        } catch (ZipException e) {
            throw VolumeException.corrupt("the gzip data is damaged");
        }
    }

    /**
     * Reads where the voxels lie, and no more of the file than its beginning.
     *
     * @throws VolumeException as {@link #read}
     * @throws IOException if the stream itself fails
     */
    Grid readGrid(InputStream file) throws VolumeException, IOException {
        var sniffed = new PushbackInputStream(file, 2);
        boolean gzip = isGzip(sniffed);
        try (var plain =
                gzip ? new GZIPInputStream(new Unclosed(sniffed), HEADER_CHUNK_BYTES) : new Unclosed(sniffed)) {
            return readHeader(plain).grid();
        } catch (EOFException e) {
            throw VolumeException.corrupt("the file ends too early");
        } catch (ZipException e) {
            throw VolumeException.corrupt("the gzip data is damaged");
        }
    }

    private static boolean isGzip(PushbackInputStream file) throws IOException {
        byte[] start = file.readNBytes(2);
        file.unread(start);
        return start.length == 2 && start[0] == 0x1f && start[1] == (byte) 0x8b;
    }

    private Volume decode(InputStream in, long mostBytes) throws VolumeException, IOException {
        NiftiHeader header = readHeader(in);
        long voxels = header.grid().voxels();
        if (voxels > maxVoxels) {
            throw VolumeException.tooLarge("the volume has more than " + maxVoxels + " voxels");
        }
        if (header.voxelOffset() > MOST_BYTES_BESIDE_VOXELS) {
            throw VolumeException.unsupported("the header extensions are too long");
        }
        if (header.voxelOffset() + voxels * header.type().bytes() > mostBytes) {
            throw VolumeException.corrupt("the file is too short for the voxels that its header announces");
        }
        in.skipNBytes(header.voxelOffset() - header.length());
        return readVoxels(in, header);
    }

    private static NiftiHeader readHeader(InputStream in) throws VolumeException, IOException {
        byte[] first = readExactly(in, NiftiHeader.SIZE_FIELD);
        byte[] header = new byte[NiftiHeader.lengthOf(first)];
        System.arraycopy(first, 0, header, 0, first.length);
        readExactly(in, header, first.length, header.length - first.length);
        return NiftiHeader.parse(header);
    }

    private static Volume readVoxels(InputStream in, NiftiHeader header) throws IOException {
        VoxelType type = header.type();
        Scaling scaling = header.scaling();
        boolean mayNotBeFinite = !type.isFiniteUnder(scaling);
        float[] voxels = new float[(int) header.grid().voxels()];
        byte[] chunk = new byte[CHUNK_BYTES];
        ByteBuffer buffer = ByteBuffer.wrap(chunk).order(header.byteOrder());
        int perChunk = CHUNK_BYTES / type.bytes();
        int perBlock = BLOCK_BYTES / type.bytes();
        boolean zeroStaysZero = scaling.apply(0) == 0;
        OptionalDouble maximum = type.maximum();
        long nonFinite = 0;
        long atTypeMaximum = 0;
        for (int done = 0; done < voxels.length; done += perChunk) {
            int inChunk = Math.min(perChunk, voxels.length - done);
            readExactly(in, chunk, 0, inChunk * type.bytes());
            // In blocks, so that all is done while they are in the processor's cache.
            for (int first = 0; first < inChunk; first += perBlock) {
                int count = Math.min(perBlock, inChunk - first);
                int start = first * type.bytes();
                if (zeroStaysZero && isZero(chunk, start, count * type.bytes())) {
                    continue; // as is most of a volume, around the head
                }
                int from = done + first;
                type.convert(
                        buffer.slice(start, count * type.bytes()).order(buffer.order()), scaling, voxels, from, count);
                if (mayNotBeFinite) {
                    nonFinite += clearNonFinite(voxels, from, from + count);
                }
                if (maximum.isPresent()) {
                    atTypeMaximum += occurrences(scaling.apply(maximum.getAsDouble()), voxels, from, from + count);
                }
            }
        }
        return new Volume(header.grid(), voxels, nonFinite, atTypeMaximum);
    }

    private static boolean isZero(byte[] bytes, int start, int length) {
        return Arrays.mismatch(bytes, start, start + length, ZEROS, 0, length) < 0;
    }

    private static long clearNonFinite(float[] voxels, int from, int to) {
        long cleared = 0;
        for (int i = from; i < to; i++) {
            if (!Float.isFinite(voxels[i])) {
                voxels[i] = 0;
                cleared++;
            }
        }
        return cleared;
    }

    private static long occurrences(float value, float[] voxels, int from, int to) {
        long count = 0;
        for (int i = from; i < to; i++) {
            if (voxels[i] == value) {
                count++;
            }
        }
        return count;
    }

    /** Only at its end does a gzip stream tell whether its checksum holds. */
    private static void readToEnd(InputStream in) throws VolumeException, IOException {
        byte[] ignored = new byte[CHUNK_BYTES];
        long total = 0;
        for (int read = in.read(ignored); read >= 0; read = in.read(ignored)) {
            total += read;
            if (total > MOST_BYTES_BESIDE_VOXELS) {
                throw VolumeException.corrupt("far more data than the header announces");
            }
        }
    }

    private static byte[] readExactly(InputStream in, int length) throws IOException {
        byte[] bytes = new byte[length];
        readExactly(in, bytes, 0, length);
        return bytes;
    }

    private static void readExactly(InputStream in, byte[] to, int offset, int length) throws IOException {
        if (in.readNBytes(to, offset, length) < length) {
            throw new EOFException();
        }
    }

    /** Keeps a stream open when the one around it is closed. */
    private static final class Unclosed extends FilterInputStream {
        Unclosed(InputStream in) {
            super(in);
        }

        @Override
        public void close() {
            // The stream belongs to the caller.
        }
    }
}
