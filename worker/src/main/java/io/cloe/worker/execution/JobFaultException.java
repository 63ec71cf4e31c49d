package io.cloe.worker.execution;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceFault;
import io.cloe.worker.volume.VolumeException;
import java.util.List;

/** A job that cannot be done, with all causes found. */
final class JobFaultException extends Exception {

    private static final long serialVersionUID = 1L;
    private final transient List<InferenceFault> faults;

    JobFaultException(List<InferenceFault> faults) {
        super(faults.toString());
        this.faults = List.copyOf(faults);
    }

    static JobFaultException ofJob(FailureReason reason, boolean retriable) {
        return new JobFaultException(List.of(new InferenceFault(null, reason, retriable)));
    }

    static InferenceFault fault(String modality, VolumeException e) {
        return new InferenceFault(modality, e.reason(), e.retriable());
    }

    List<InferenceFault> faults() {
        return faults;
    }
}
