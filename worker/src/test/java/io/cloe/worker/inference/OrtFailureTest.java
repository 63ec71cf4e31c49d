package io.cloe.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OrtException;
import io.cloe.worker.inference.EngineException.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OrtFailureTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "Load model from /srv/models/a b/T1.onnx failed | Load model from a T1.onnx failed",
                "External data path: \"../weights.bin\" resolved path: \"/tmp/t/weights.bin\" | External data path: \"weights.bin\" resolved path: \"weights.bin\"",
                "/onnxruntime_src/core/x.cc:1992 TryGet(int) failed | x.cc:1992 TryGet(int) failed",
                "file C:\\models\\T1.onnx is gone | file T1.onnx is gone",
                "Failed to load libcublasLt.so.12: no such file | Failed to load libcublasLt.so.12: no such file"
            })
    void shouldKeepFileNamesOnlyWhenTheMessageHoldsPaths(String message, String expected) {
        assertThat(OrtFailure.describe(new OrtException(message))).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "std::bad_alloc",
                "BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 1",
                "CUDA failure 2: out of memory",
                "CUBLAS_STATUS_ALLOC_FAILED"
            })
    void shouldSayOutOfMemoryWhenTheRuntimeSaysSoInItsWords(String message) {
        assertThat(OrtFailure.of("running", new OrtException(message)).kind()).isEqualTo(Kind.OUT_OF_MEMORY);
    }

    @Test
    void shouldSayEngineErrorWhenItIsAnythingElse() {
        assertThat(OrtFailure.of("running", new OrtException("invalid")).kind()).isEqualTo(Kind.ENGINE_ERROR);
        assertThat(OrtFailure.describe(new OrtException((String) null))).isEqualTo("OrtException");
    }
}
