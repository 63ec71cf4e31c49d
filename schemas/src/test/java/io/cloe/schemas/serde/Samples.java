package io.cloe.schemas.serde;

import io.cloe.schemas.CampaignItem;
import io.cloe.schemas.CampaignState;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.ModelAssignment;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.ModelReadiness;
import io.cloe.schemas.QaFeedback;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.ReprocessProgress;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyState;
import io.cloe.schemas.StudyStatus;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificRecord;
import org.apache.avro.util.RandomData;

/** One filled record of every type that is written to a topic. */
final class Samples {

    /** Types that are written to a topic or a store's changelog. */
    static final List<Class<? extends SpecificRecord>> TYPES = List.of(
            ScanEvent.class,
            StudyCommand.class,
            InferenceJob.class,
            InferenceResult.class,
            Segmentation.class,
            GatingWeights.class,
            StudyStatus.class,
            StudyFailure.class,
            StudyState.class,
            QaFeedback.class,
            CampaignItem.class,
            CampaignState.class,
            ModelAssignment.class,
            ModelComparison.class,
            ModelReadiness.class,
            ReprocessCampaign.class,
            ReprocessProgress.class);

    static {
        AvroSafety.apply();
    }

    private Samples() {}

    static Schema schemaOf(Class<? extends SpecificRecord> type) {
        return SpecificData.get().getSchema(type);
    }

    /** A record with every field drawn at random; equal for equal seeds. */
    static <T extends SpecificRecord> T random(Class<T> type, long seed) {
        Schema schema = schemaOf(type);
        Object generic = new RandomData(schema, 1, seed, true).iterator().next();
        try {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
            new GenericDatumWriter<>(schema).write(generic, encoder);
            encoder.flush();
            return new SpecificDatumReader<T>(schema)
                    .read(null, DecoderFactory.get().binaryDecoder(bytes.toByteArray(), null));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
