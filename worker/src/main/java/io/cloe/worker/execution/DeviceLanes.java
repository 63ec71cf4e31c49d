package io.cloe.worker.execution;

import java.util.List;

/** The lanes of all devices, which take studies from one queue. Safe for several threads. */
final class DeviceLanes {

    private final List<DeviceLane> lanes;

    DeviceLanes(List<DeviceLane> lanes) {
        this.lanes = List.copyOf(lanes);
    }

    List<DeviceLane> all() {
        return lanes;
    }

    int size() {
        return lanes.size();
    }

    List<ExecutorSnapshot.Device> snapshots() {
        return lanes.stream().map(DeviceLane::snapshot).toList();
    }

    boolean areAllStuck() {
        return lanes.stream().allMatch(DeviceLane::isStuck);
    }

    /** Stops one run of reprocessing, of those that can be begun again, for a live study that no idle device will take. */
    void makeWay() {
        if (lanes.stream().anyMatch(DeviceLane::isIdle)) {
            return;
        }
        for (DeviceLane lane : lanes) {
            if (lane.makeWay()) {
                return;
            }
        }
    }
}
