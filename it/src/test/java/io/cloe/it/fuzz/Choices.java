package io.cloe.it.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.List;

/** Turns a fuzzer's bytes into decisions, so that a changed byte changes one decision. Zero and empty once they are used up. */
final class Choices {

    private final byte[] bytes;
    private int next;

    Choices(byte[] bytes) {
        this.bytes = bytes;
    }

    boolean areLeft() {
        return next < bytes.length;
    }

    int one() {
        return next < bytes.length ? bytes[next++] & 0xff : 0;
    }

    /** At least 0 and less than the bound, which is at most 256. */
    int below(int bound) {
        return one() % bound;
    }

    <T> T of(List<T> values) {
        return values.get(below(values.size()));
    }

    long number() {
        long number = 0;
        for (int i = 0; i < Long.BYTES; i++) {
            number = number << 8 | one();
        }
        return number;
    }

    /** Up to as many bytes as the first one says, repeated now and then so that long texts need few bytes. */
    String text() {
        int length = Math.min(below(64), bytes.length - next);
        String text = new String(bytes, next, length, StandardCharsets.UTF_8);
        next += length;
        int repeat = one();
        return repeat < 240 ? text : text.repeat(1 << (repeat - 240) % 12);
    }
}
