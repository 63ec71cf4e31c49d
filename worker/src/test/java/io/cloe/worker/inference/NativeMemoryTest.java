package io.cloe.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class NativeMemoryTest {

    private static final long GIB = 1L << 30;

    @Test
    void shouldLeaveRoomForAFullHeapAndMoreWhenMemoryIsCounted() {
        assertThat(NativeMemory.left(8 * GIB, 2 * GIB)).isEqualTo(5 * GIB);
        assertThat(NativeMemory.left(2 * GIB, 2 * GIB)).isZero();
    }
}
