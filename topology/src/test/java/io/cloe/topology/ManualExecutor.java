package io.cloe.topology;

import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.ModelReference;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Keeps what the topology asks for, so that a test completes jobs by hand. */
final class ManualExecutor implements InferenceExecutor {

    private final Map<String, InferenceJob> jobs = new LinkedHashMap<>();
    private final List<Integer> opened = new ArrayList<>();
    private final Set<String> missing = new HashSet<>();
    private int open;

    @Override
    public Lease open(int partition) {
        opened.add(partition);
        open++;
        return new Lease() {
            private boolean closed;

            @Override
            public void submit(InferenceJob job) {
                jobs.putIfAbsent(job.getJobId(), job);
            }

            @Override
            public void cancel(String jobId) {
                jobs.remove(jobId);
            }

            @Override
            public void close() {
                if (!closed) {
                    closed = true;
                    open--;
                    jobs.clear();
                }
            }
        };
    }

    @Override
    public boolean serves(ModelReference model) {
        return !missing.contains(model.getSha256());
    }

    /** From now on a model is not here. */
    void without(String digest) {
        missing.add(digest);
    }

    /** From now on a model is here. */
    void with(String digest) {
        missing.remove(digest);
    }

    /** Jobs that were submitted and not cancelled, in order. */
    List<InferenceJob> jobs() {
        return List.copyOf(jobs.values());
    }

    InferenceJob onlyJob() {
        if (jobs.size() != 1) {
            throw new AssertionError("one job expected, found " + jobs.values());
        }
        return jobs.values().iterator().next();
    }

    void finished(InferenceJob job) {
        jobs.remove(job.getJobId());
    }

    int openLeases() {
        return open;
    }

    List<Integer> leasesOpened() {
        return opened;
    }
}
