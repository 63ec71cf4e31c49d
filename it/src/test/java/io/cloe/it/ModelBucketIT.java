package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.tools.Bundles;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.S3Server;
import io.cloe.standalone.EmbeddedBroker;
import io.cloe.worker.config.StoreConfig;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.WorkerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model out of a bucket, from its promotion to a worker that starts while the object store is gone. */
class ModelBucketIT {

    private static final String BUCKET = "models";

    @TempDir
    Path folder;

    @Test
    void shouldServeAModelOutOfABucketAlsoWhenTheStoreIsGone() throws Exception {
        try (EmbeddedBroker kafka = EmbeddedBroker.start(Files.createDirectory(folder.resolve("kafka")), 0);
                S3Server store = S3Server.start(folder.resolve("objects"), BUCKET);
                RolloutScene scene = RolloutScene.set(kafka.address(), "bucket", folder, Repository.tinyBundle())) {
            scene.settings().putAll(store.settings());
            scene.settings().put(StoreConfig.ATTEMPTS, "2");
            scene.settings().put(WorkerConfig.MODEL_REPOSITORY, "s3://" + BUCKET + "/live");
            Bundles.Name next = put(store, "next", "1.1.0");
            Bundles.Name tampered = put(store, "tampered", "1.2.0");
            Path weights = store.object(BUCKET, "live/tampered/graphs/weights.bin");
            byte[] bytes = Files.readAllBytes(weights);
            bytes[0] ^= 1;
            Files.write(weights, bytes);
            put(store, "torn", "1.3.0");
            Files.write(store.object(BUCKET, "live/torn/graphs/weights.bin"), new byte[8]);

            try (WorkerProcess worker = scene.worker("one")) {
                scene.awaitKnown("1.2.0");
                assertThat(scene.cloe().run("model", "list"))
                        .contains("1.1.0", "refused: folder torn of the model repository, FILE_CHANGED=1");
                assertThat(fetched()).isEmpty();

                assertThat(scene.cloe().refused(tampered.arguments("model", "promote")))
                        .contains("FILE_CHANGED: files: 'graphs/weights.bin'", "1.0.0 is live again");
                assertThat(fetched()).isEmpty();
                scene.cloe().run(next.arguments("model", "promote"));
                assertThat(scene.small("promoted").getModel().getVersion()).isEqualTo("1.1.0");
                assertThat(fetched()).hasSize(1);

                store.close();
                assertThat(scene.small("gone").getModel().getVersion()).isEqualTo("1.1.0");
            }
            try (WorkerProcess restarted = scene.worker("one")) {
                assertThat(scene.small("restarted").getModel().getVersion()).isEqualTo("1.1.0");
                assertThat(scene.cloe().run("model", "list"))
                        .contains("live=1", "refused: folder . of the model repository, UNAVAILABLE=1");
            }
        }
    }

    private static Bundles.Name put(S3Server store, String name, String version) throws IOException {
        Path target = store.object(BUCKET, "live/" + name);
        Files.createDirectories(target.getParent());
        return Bundles.another(Repository.tinyBundle(), target, version);
    }

    private List<String> fetched() throws IOException {
        try (Stream<Path> copies = Files.list(folder.resolve("bucket/state-one/models"))) {
            return copies.filter(Files::isDirectory)
                    .map(copy -> copy.getFileName().toString())
                    .toList();
        }
    }
}
