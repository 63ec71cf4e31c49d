package io.cloe.worker.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cloe.worker.masks.MaskInventory;
import io.cloe.worker.masks.MaskName;
import io.cloe.worker.masks.StoredMask;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SweepPlanTest {

    private static final Instant NOW = Instant.parse("2026-01-10T00:00:00Z");
    private static final Instant LIMIT = NOW.minus(Duration.ofDays(1));
    private static final Instant OLD = NOW.minus(Duration.ofDays(2));

    private final References.Collector references = new References.Collector();

    private static String name(String study, int revision) {
        return new MaskName(study, revision, "a".repeat(64), "b".repeat(64), "c".repeat(64)).path();
    }

    private static StoredMask mask(String study, int revision, Instant modified) {
        return new StoredMask(name(study, revision), modified, 10, false);
    }

    private SweepPlan plan(StoredMask... masks) {
        return SweepPlan.of(List.of(masks), references.references(), LIMIT);
    }

    @Test
    void shouldKeepAMaskWhenAResultRefersToItFromAnotherMountOrBucket() {
        references.committed("a/b", 0, "file:///elsewhere/" + name("a/b", 0).replace("%", "%25"));
        references.onItsWay("s3://bucket/prefix/" + name("on-its-way", 1));

        SweepPlan plan = plan(mask("a/b", 0, OLD), mask("on-its-way", 1, OLD), mask("nobody", 0, OLD));

        assertThat(plan.orphans()).containsExactly(mask("nobody", 0, OLD));
        assertThat(plan.referenced()).isEqualTo(2);
    }

    @Test
    void shouldKeepAMaskWhenItIsYoung() {
        SweepPlan plan = plan(mask("s", 0, LIMIT), mask("s", 1, LIMIT.minusMillis(1)));

        assertThat(plan.young()).isEqualTo(1);
        assertThat(plan.orphans()).hasSize(1);
    }

    @Test
    void shouldKeepAMaskWhenItsResultMayHaveLeftTheTopic() {
        references.knownSince(OLD);
        references.knownSince(OLD.minusSeconds(100)); // another partition, which reaches further back

        SweepPlan plan = plan(
                mask("s", 0, OLD),
                mask("t", 0, OLD.plus(SweepPlan.CLOCKS_DIFFER).plusMillis(1)));

        assertThat(plan.unknown()).isEqualTo(1);
        assertThat(plan.orphans()).extracting(StoredMask::name).containsExactly(name("t", 0));
    }

    @Test
    void shouldKeepAMaskWhenACompactedTopicMayHaveForgottenItsRevision() {
        references.newestOnly();
        references.committed("s", 2, "file:///masks/" + name("s", 2));

        SweepPlan plan = plan(mask("s", 1, OLD), mask("s", 2, OLD), mask("s", 3, OLD), mask("never-seen", 0, OLD));

        assertThat(plan.unknown()).isEqualTo(1);
        assertThat(plan.orphans()).extracting(StoredMask::name).containsExactly(name("s", 3), name("never-seen", 0));
    }

    @Test
    void shouldTakeLeftoversOfWritesWheneverTheyAreOld() {
        references.knownSince(NOW);
        StoredMask leftover = new StoredMask("s/.writing-1.tmp", OLD, 3, true);

        assertThat(plan(leftover).orphans()).containsExactly(leftover);
    }

    @Test
    void shouldRefuseWhenAResultRefersToNoMask() {
        assertThatThrownBy(() -> references.committed("s", 0, "urn:mask")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> references.onItsWay("a b")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void shouldDeleteNothingWhenTheTopicsKnowNoneOfTheMasks() throws Exception {
        Store store = new Store(List.of(mask("s", 0, OLD)));
        MaskSweep sweep = new MaskSweep(store, references::references);

        SweepPlan plan = sweep.plan(LIMIT);

        assertThat(plan.orphans()).hasSize(1);
        assertThatThrownBy(() -> sweep.delete(plan, LIMIT)).isInstanceOf(UnrelatedTopicsException.class);
        assertThat(store.deleted).isEmpty();
    }

    @Test
    void shouldCountWhatIsCommittedWhileItLists() throws Exception {
        Store store = new Store(List.of(mask("s", 0, OLD)));

        SweepPlan plan = new MaskSweep(store, () -> {
                    assertThat(store.listed).isTrue();
                    references.committed("s", 0, "file:///masks/" + name("s", 0));
                    return references.references();
                })
                .plan(LIMIT);

        assertThat(plan.orphans()).isEmpty();
    }

    private static final class Store implements MaskInventory {

        private final List<StoredMask> masks;
        private final List<StoredMask> deleted = new ArrayList<>();
        private boolean listed;

        Store(List<StoredMask> masks) {
            this.masks = masks;
        }

        @Override
        public List<StoredMask> list() {
            listed = true;
            return masks;
        }

        @Override
        public void recover() {}

        @Override
        public boolean delete(StoredMask mask, Instant olderThan) {
            return deleted.add(mask);
        }
    }
}
