package io.cloe.worker.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.cloe.schemas.FailureReason;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** Shorthand of the tests in this package. */
final class VolumeAssertions {
    static final int MAX_VOXELS = 1 << 20;

    private VolumeAssertions() {}

    static Volume read(byte[] file) throws VolumeException, IOException {
        return new NiftiReader(MAX_VOXELS).read(new ByteArrayInputStream(file), file.length);
    }

    static VolumeException refusal(ThrowingCallable action) {
        VolumeException refusal = catchThrowableOfType(VolumeException.class, action);
        assertThat(refusal).as("refusal").isNotNull();
        assertThat(refusal).hasNoCause();
        return refusal;
    }

    static VolumeException refused(byte[] file, FailureReason reason) {
        VolumeException refusal = refusal(() -> read(file));
        assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(reason);
        assertThat(refusal.retriable()).isFalse();
        return refusal;
    }
}
