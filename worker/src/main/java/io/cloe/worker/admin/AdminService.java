package io.cloe.worker.admin;

import io.cloe.worker.config.AdminSettings;
import io.cloe.worker.config.ConfigurationException;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.kafka.StartupException;
import io.cloe.worker.kafka.WorkerParts;
import io.cloe.worker.kafka.WorkerProcess;
import io.cloe.worker.results.StudyFeed;
import io.cloe.worker.review.StudyCatalogue;
import io.cloe.worker.submit.QaFeedbackProducer;
import io.cloe.worker.volume.VolumeSource;
import io.micrometer.core.instrument.binder.jvm.ClassLoaderMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.net.URI;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A worker with its admin HTTP server. */
public final class AdminService implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(AdminService.class);

    private final List<AutoCloseable> resources = new ArrayList<>();
    private final PrometheusMeterRegistry metrics;
    private volatile WorkerProcess worker;
    private AdminServer server;

    private AdminService(PrometheusMeterRegistry metrics) {
        this.metrics = metrics;
        resources.add(metrics::close);
    }

    /**
     * Starts a worker, and its server unless {@code admin.port} is -1. The server comes first: restoring state may take minutes, in
     * which probes want an answer; and an address that cannot be had is found before the worker joins its group.
     *
     * @throws ConfigurationException if settings contradict the models
     * @throws StartupException if the worker cannot start or the server's address cannot be had
     */
    public static AdminService start(WorkerConfig config, WorkerParts parts)
            throws ConfigurationException, StartupException, InterruptedException {
        AdminService service = new AdminService(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
        try {
            service.open(config, parts);
            return service;
        } catch (ConfigurationException | StartupException | InterruptedException | RuntimeException | Error e) {
            // Also an Error, such as a library that cannot be loaded: or the server would go on saying that all is
            // well.
            service.close();
            throw e;
        }
    }

    private void open(WorkerConfig config, WorkerParts parts)
            throws ConfigurationException, StartupException, InterruptedException {
        if (!config.admin().enabled()) {
            worker = WorkerProcess.start(config, parts.measuredBy(metrics));
            return;
        }
        bindProcessMetrics();
        ClientSettings clients = ClientSettings.of(config);
        QaFeedbackProducer feedback = new QaFeedbackProducer(clients);
        resources.add(0, feedback);
        StudyCatalogue catalogue = new StudyCatalogue(config.admin().studies());
        // No study is known before the feed starts, so nobody asks for a volume or a mask before there is a worker.
        serve(
                config.admin(),
                new Health(this::isLive, this::isReady),
                catalogue,
                reference -> worker.volumes().load(reference),
                location -> worker.masks().read(location),
                config.inference().maxVoxels(),
                feedback::send);
        LOG.info("admin HTTP at {}", server.address());
        worker = WorkerProcess.start(config, parts.measuredBy(metrics));
        resources.add(0, StudyFeed.start(clients, catalogue::accept));
    }

    private boolean isLive() {
        WorkerProcess started = worker;
        return started == null || !started.ended().isDone();
    }

    private boolean isReady() {
        WorkerProcess started = worker;
        return started != null && started.isReady();
    }

    private void bindProcessMetrics() {
        JvmGcMetrics collector = new JvmGcMetrics();
        resources.add(0, collector);
        collector.bindTo(metrics);
        new JvmMemoryMetrics().bindTo(metrics);
        new JvmThreadMetrics().bindTo(metrics);
        new ClassLoaderMetrics().bindTo(metrics);
        new ProcessorMetrics().bindTo(metrics);
        new FileDescriptorMetrics().bindTo(metrics);
        new UptimeMetrics().bindTo(metrics);
    }

    private void serve(
            AdminSettings settings,
            Health health,
            StudyCatalogue catalogue,
            VolumeSource volumes,
            MaskReader masks,
            int maxVoxels,
            FeedbackSink feedback)
            throws StartupException {
        StudyEvents events = new StudyEvents();
        resources.add(0, events);
        catalogue.onChange(events::changed);
        AdminRoutes routes = new AdminRoutes(
                health,
                metrics,
                new StudyReplies(catalogue),
                new StudyImages(catalogue, volumes, masks, maxVoxels),
                new FeedbackReplies(catalogue, feedback, Clock.systemUTC()),
                new PageFiles());
        server = AdminServer.start(new AdminHandler(routes, events, settings), settings);
        resources.add(0, server);
    }

    /** The server alone, over what it is given. For tests. */
    static AdminService serve(
            AdminSettings settings,
            Health health,
            StudyCatalogue catalogue,
            VolumeSource volumes,
            MaskReader masks,
            FeedbackSink feedback)
            throws StartupException {
        AdminService service = new AdminService(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
        service.bindProcessMetrics();
        service.serve(settings, health, catalogue, volumes, masks, 64 << 20, feedback);
        return service;
    }

    /** The worker. */
    public WorkerProcess worker() {
        return worker;
    }

    /** Where the page is; empty without a server. */
    public Optional<URI> address() {
        return Optional.ofNullable(server).map(AdminServer::address);
    }

    /** Stops the worker, then the server, so that probes see it end. */
    @Override
    public synchronized void close() {
        if (worker != null) {
            worker.close();
        }
        for (AutoCloseable resource : resources) {
            try {
                resource.close();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (Exception e) {
                LOG.warn("{} did not close cleanly", resource.getClass().getSimpleName(), e);
            }
        }
        resources.clear();
    }
}
