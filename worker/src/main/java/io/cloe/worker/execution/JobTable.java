package io.cloe.worker.execution;

import io.cloe.schemas.InferenceJob;
import io.cloe.topology.InferenceExecutor.Lease;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * The jobs that are here, by id, and which of them wait for the result of one with the same input. A job comes when it is submitted, and goes
 * when it ends or is cancelled, or while it waits with its lease; each of these is one step, under one lock. Any thread.
 */
final class JobTable {

    private final WorkQueue waiting;
    private final InFlight inFlight = new InFlight();
    private final Map<String, Work> byJob = new HashMap<>();

    /** @param waiting jobs that wait to be read */
    JobTable(WorkQueue waiting) {
        this.waiting = waiting;
    }

    /**
     * Lets a job wait to be read; one that is here already belongs to the new lease from now on.
     *
     * @return whether it was not here
     */
    synchronized boolean submit(InferenceJob job, Lease lease, int partition) {
        Work known = byJob.get(job.getJobId());
        if (known != null) {
            known.lease = lease;
            return false;
        }
        Work work = new Work(job, lease, partition);
        byJob.put(job.getJobId(), work);
        waiting.add(work);
        return true;
    }

    /** Stops a job, wherever it is. */
    synchronized void cancel(String jobId) {
        Work work = byJob.remove(jobId);
        if (work != null) {
            work.control().cancel("no longer wanted");
            waiting.remove(work);
            inFlight.removeIf(waited -> waited == work);
        }
    }

    /** Forgets the jobs of a lease. Those that run go on: their results reach the partition's next owner, whose pending store decides. */
    synchronized void close(Lease lease) {
        Predicate<Work> ofThisLease =
                work -> work.lease == lease && byJob.remove(work.job().getJobId(), work);
        waiting.removeIf(ofThisLease);
        inFlight.removeIf(ofThisLease);
    }

    /** Stops and forgets all jobs: nothing is reported of them any more. */
    synchronized void cancelAll(String reason) {
        byJob.values().forEach(work -> work.control().cancel(reason));
        byJob.clear();
    }

    synchronized boolean anyMatch(Predicate<InferenceJob> wanted) {
        return byJob.values().stream().map(Work::job).anyMatch(wanted);
    }

    /** How many jobs wait for one with the same input. */
    int waitingForSame() {
        return inFlight.waiting();
    }

    /**
     * Lets a job that was read compute, or wait for another one's result: then as a reference, and it will be read once more.
     *
     * @param input digests of the model and of what was read
     * @return what it gave up because it waits, to be freed; empty if it computes
     */
    synchronized Optional<Work.Held> waitForSame(Work work, String input) {
        if (work.control().isCancelled() || inFlight.begin(input, work)) {
            work.computes = input;
            return Optional.empty();
        }
        // All in one go with begin(): from here on another thread may have the job.
        return Optional.of(work.letGo());
    }

    /** How a job's stay ended. */
    enum End {
        /** With a result that is wanted. */
        WANTED,
        /** With one that is not: the job was cancelled, or the worker stops. */
        UNWANTED,
        /** It had ended before. */
        BEFORE
    }

    /** Ends a job's stay; what waited for it takes its result, or computes for itself. */
    synchronized End end(Work work) {
        if (work.released) {
            return End.BEFORE;
        }
        work.released = true;
        boolean wanted = byJob.remove(work.job().getJobId(), work);
        if (work.computes != null) {
            for (Work waited : inFlight.end(work.computes, work)) {
                waited.shared = work.measures;
                waited.sharedModel = work.model.identity().digest();
                waiting.add(waited);
            }
        }
        return wanted ? End.WANTED : End.UNWANTED;
    }
}
