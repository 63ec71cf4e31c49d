package io.cloe.it.faults;

import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.VolumeReference;
import io.cloe.worker.execution.ResultSender;
import io.cloe.worker.kafka.WorkerParts;
import io.cloe.worker.masks.MaskName;
import io.cloe.worker.masks.MaskStore;
import io.cloe.worker.masks.MaskStoreException;
import io.cloe.worker.volume.LoadedVolume;
import io.cloe.worker.volume.MaskFile;
import io.cloe.worker.volume.VolumeException;
import io.cloe.worker.volume.VolumeSource;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.net.URI;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KafkaClientSupplier;

/** Tells of every {@link Step} that a worker takes, on the thread that takes it. */
final class StandstillParts {

    private final Consumer<Step> passing;
    private final String segmentations;

    /**
     * @param passing called at every step; the worker stands still as long as it does not return
     * @param segmentations topic of the results
     */
    StandstillParts(Consumer<Step> passing, String segmentations) {
        this.passing = passing;
        this.segmentations = segmentations;
    }

    WorkerParts parts() {
        return new WorkerParts(Volumes::new, Masks::new, Results::new, Optional.of(new Clients()));
    }

    private final class Volumes implements VolumeSource {

        private final VolumeSource inner;

        Volumes(VolumeSource inner) {
            this.inner = inner;
        }

        @Override
        public LoadedVolume load(VolumeReference reference) throws VolumeException {
            passing.accept(Step.BEFORE_DECODE);
            LoadedVolume volume = inner.load(reference);
            passing.accept(Step.AFTER_DECODE);
            return volume;
        }
    }

    private final class Masks implements MaskStore {

        private final MaskStore inner;

        Masks(MaskStore inner) {
            this.inner = inner;
        }

        @Override
        public URI create(MaskName name, MaskFile mask) throws MaskStoreException {
            passing.accept(Step.BEFORE_MASK);
            URI location = inner.create(name, mask);
            passing.accept(Step.AFTER_MASK);
            return location;
        }

        @Override
        public byte[] read(URI location) throws MaskStoreException {
            return inner.read(location);
        }
    }

    private final class Results implements ResultSender {

        private final ResultSender inner;

        Results(ResultSender inner) {
            this.inner = inner;
        }

        @Override
        public void send(int partition, InferenceResult result) {
            passing.accept(Step.BEFORE_RESULT);
            inner.send(partition, result);
            passing.accept(Step.AFTER_RESULT);
        }

        @Override
        public void claim(int partition) {
            inner.claim(partition);
        }
    }

    /** Kafka's own clients, but for a producer that tells of commits. */
    private final class Clients implements KafkaClientSupplier {

        @Override
        public Admin getAdmin(Map<String, Object> settings) {
            return Admin.create(settings);
        }

        @Override
        public Producer<byte[], byte[]> getProducer(Map<String, Object> settings) {
            return watched(new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer()));
        }

        @Override
        public org.apache.kafka.clients.consumer.Consumer<byte[], byte[]> getConsumer(Map<String, Object> settings) {
            return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        }

        @Override
        public org.apache.kafka.clients.consumer.Consumer<byte[], byte[]> getRestoreConsumer(
                Map<String, Object> settings) {
            return getConsumer(settings);
        }

        @Override
        public org.apache.kafka.clients.consumer.Consumer<byte[], byte[]> getGlobalConsumer(
                Map<String, Object> settings) {
            return getConsumer(settings);
        }
    }

    @SuppressWarnings("unchecked")
    private Producer<byte[], byte[]> watched(Producer<byte[], byte[]> producer) {
        boolean[] holdsResult = {false}; // a producer of Kafka Streams is used by one thread
        return (Producer<byte[], byte[]>) Proxy.newProxyInstance(
                StandstillParts.class.getClassLoader(), new Class<?>[] {Producer.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("send")
                            && ((ProducerRecord<?, ?>) arguments[0]).topic().equals(segmentations)) {
                        holdsResult[0] = true;
                    }
                    boolean commitsResult = method.getName().equals("commitTransaction") && holdsResult[0];
                    if (commitsResult) {
                        holdsResult[0] = false;
                        passing.accept(Step.BEFORE_COMMIT);
                    }
                    try {
                        Object result = method.invoke(producer, arguments);
                        if (commitsResult) {
                            passing.accept(Step.AFTER_COMMIT);
                        }
                        return result;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }
}
