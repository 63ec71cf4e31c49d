package io.cloe.worker.admin;

import io.cloe.schemas.ScanEvent;
import io.cloe.worker.config.AdminSettings;
import io.cloe.worker.review.StudyCatalogue;
import io.cloe.worker.submit.ScanEvents;
import io.cloe.worker.submit.StudyFolder;
import io.cloe.worker.volume.FileVolumeSource;
import io.cloe.worker.volume.NiftiReader;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The admin HTTP server over studies that it is told of. Lies in its package because a worker is the only other way to have one. */
public final class AdminWithoutWorker implements AutoCloseable {

    private static final int PATIENCE_MS = 10_000;
    private static final int MOST_VOXELS = 64 << 20;
    private static final int MOST_STUDIES = 1_000;

    private final AdminService service;

    private AdminWithoutWorker(AdminService service) {
        this.service = service;
    }

    /**
     * Starts it.
     *
     * @param studies folder of studies; it knows the first one, as {@code study}, with the modalities' names as event ids
     */
    public static AdminWithoutWorker start(Path studies) throws Exception {
        StudyCatalogue catalogue = new StudyCatalogue(MOST_STUDIES);
        AdminService service = AdminService.serve(
                new AdminSettings(InetAddress.getLoopbackAddress(), 0, Optional.empty(), MOST_STUDIES),
                new Health(() -> true, () -> true),
                catalogue,
                new FileVolumeSource(List.of(studies.toAbsolutePath()), new NiftiReader(MOST_VOXELS)),
                location -> new byte[0],
                given -> {});
        Map<String, Path> volumes = StudyFolder.below(studies).get(0).volumes();
        for (Map.Entry<String, Path> volume : volumes.entrySet()) {
            ScanEvent event = ScanEvents.available(
                            "study", volume.getKey(), volume.getValue().toAbsolutePath(), 0, Instant.EPOCH)
                    .setEventId(volume.getKey())
                    .build();
            catalogue.accept(event);
        }
        return new AdminWithoutWorker(service);
    }

    /** Where it listens. */
    public URI address() {
        return service.address().orElseThrow();
    }

    /** Whether it lives and shows the study. */
    public boolean answersWell() throws IOException {
        return status("health/live") == 200 && status("studies") == 200 && status("studies/study") == 200;
    }

    private int status(String path) throws IOException {
        HttpURLConnection connection =
                (HttpURLConnection) address().resolve(path).toURL().openConnection();
        connection.setConnectTimeout(PATIENCE_MS);
        connection.setReadTimeout(PATIENCE_MS);
        try {
            return connection.getResponseCode();
        } finally {
            connection.disconnect();
        }
    }

    @Override
    public void close() {
        service.close();
    }
}
