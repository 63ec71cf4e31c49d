package io.cloe.topology.matrix;

import io.cloe.schemas.ScanEvent;
import io.cloe.topology.study.Fixtures;
import java.util.List;

/** What goes on while scans arrive and studies wait. */
public enum Situation {
    IDLE("no other traffic"),
    BUSY("steady background traffic"),
    DUPLICATES("duplicates of every event"),
    OUT_OF_ORDER("older scan revision after newer"),
    RESTART("restart while waiting"),
    REBALANCE("rebalance while waiting");

    private final String description;

    Situation(String description) {
        this.description = description;
    }

    /** What it is, in words. */
    public String description() {
        return description;
    }

    /** The events of one modality of a study, in the order in which they are sent. */
    public List<ScanEvent> arrivals(String studyId, String modality) {
        ScanEvent scan = Fixtures.scan(studyId, modality);
        return switch (this) {
            case DUPLICATES -> List.of(scan, scan);
            case OUT_OF_ORDER -> List.of(Fixtures.replaced(studyId, modality, 1), scan);
            default -> List.of(scan);
        };
    }

    /** The revision of each scan that a result must be made of. */
    public int scanRevision() {
        return this == OUT_OF_ORDER ? 1 : 0;
    }
}
