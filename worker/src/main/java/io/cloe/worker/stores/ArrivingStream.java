package io.cloe.worker.stores;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import software.amazon.awssdk.core.exception.SdkException;

/**
 * A body on its way. Says so when it ends before it is complete, which clients may take for its end, and when it takes longer than
 * allowed in all: a server that sends a byte now and then never meets a socket's timeout. For one thread.
 */
final class ArrivingStream extends FilterInputStream {

    private final long length;
    private final long deadline;
    private long count;

    /**
     * @param length bytes that must come
     * @param deadline by {@link System#nanoTime}
     */
    ArrivingStream(InputStream in, long length, long deadline) {
        super(in);
        this.length = length;
        this.deadline = deadline;
    }

    /** A transfer that did not come to its end. The message names nothing. */
    static final class TransferException extends IOException {
        private static final long serialVersionUID = 1L;

        TransferException(String message) {
            super(message);
        }
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] to, int offset, int wanted) throws IOException {
        if (System.nanoTime() - deadline > 0) {
            throw new TransferException("the transfer takes too long");
        }
        int read;
        try {
            read = super.read(to, offset, wanted);
        } catch (SdkException e) {
            // The SDK's own checks of what arrives.
            throw new TransferException("the transfer failed: " + e.getClass().getSimpleName());
        }
        if (read < 0 && count < length) {
            throw new TransferException("the transfer ended early");
        }
        count += Math.max(0, read);
        return read;
    }

    @Override
    public long skip(long bytes) throws IOException {
        byte[] ignored = new byte[(int) Math.max(0, Math.min(bytes, 1 << 16))];
        return Math.max(0, read(ignored, 0, ignored.length));
    }

    @Override
    public boolean markSupported() {
        return false;
    }
}
