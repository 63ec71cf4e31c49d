package io.cloe.worker.volume;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;

/** Counts and digests what is read through it. For one thread. */
final class DigestedInputStream extends FilterInputStream {
    private static final int CHUNK_BYTES = 1 << 16;

    private final MessageDigest digest = Sha256.begin();
    private long count;

    DigestedInputStream(InputStream in) {
        super(in);
    }

    @Override
    public int read() throws IOException {
        int value = super.read();
        if (value >= 0) {
            digest.update((byte) value);
            count++;
        }
        return value;
    }

    @Override
    public int read(byte[] to, int offset, int length) throws IOException {
        int read = super.read(to, offset, length);
        if (read > 0) {
            digest.update(to, offset, read);
            count += read;
        }
        return read;
    }

    @Override
    public long skip(long bytes) throws IOException {
        // What is skipped belongs to the digest too, so it is read.
        byte[] ignored = new byte[(int) Math.max(0, Math.min(bytes, CHUNK_BYTES))];
        return Math.max(0, read(ignored, 0, ignored.length));
    }

    @Override
    public boolean markSupported() {
        return false; // going back would digest bytes twice
    }

    /** Reads on to the end, but not past {@code limit} bytes in all. */
    void readUpTo(long limit) throws IOException {
        byte[] ignored = new byte[CHUNK_BYTES];
        while (count < limit && read(ignored, 0, (int) Math.min(CHUNK_BYTES, limit - count)) >= 0) {
            // Reading is what feeds the digest.
        }
    }

    /** Bytes read so far. */
    long count() {
        return count;
    }

    /** SHA-256 of the bytes read so far, lower-case hex. To be called once, at the end. */
    String finish() {
        return Sha256.hex(digest.digest());
    }
}
