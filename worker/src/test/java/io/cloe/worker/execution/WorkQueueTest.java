package io.cloe.worker.execution;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.Trigger;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is next where one live study and one that is reprocessed wait. */
class WorkQueueTest {

    private final FloorShare floor = new FloorShare(0.5);
    private final WorkQueue queue = new WorkQueue(floor);

    @BeforeEach
    void add() {
        for (Trigger trigger : new Trigger[] {Trigger.REPROCESS, Trigger.COMPLETE}) {
            queue.add(new Work(Jobs.of("study", Map.of()).setTrigger(trigger).build(), new NoLease(), 0));
        }
    }

    private Optional<PriorityClass> next(Predicate<PriorityClass> letIn) throws InterruptedException {
        return queue.take(letIn, 0).map(Work::worth);
    }

    @Test
    void shouldTakeTheLiveStudyFirst() throws InterruptedException {
        assertThat(next(worth -> true)).contains(PriorityClass.LIVE);
        assertThat(next(worth -> true)).contains(PriorityClass.REPROCESS);
        assertThat(next(worth -> true)).isEmpty();
    }

    @Test
    void shouldTakeTheReprocessedOneWhenTheLiveStudyIsNotLetIn() throws InterruptedException {
        assertThat(next(worth -> worth == PriorityClass.REPROCESS)).contains(PriorityClass.REPROCESS);
    }

    @Test
    void shouldTakeTheReprocessedOneFirstWhenItIsDue() throws InterruptedException {
        floor.worked(PriorityClass.LIVE, 1);
        assertThat(next(worth -> true)).contains(PriorityClass.REPROCESS);
    }

    @Test
    void shouldTakeTheLiveStudyWhenTheOneThatIsDueIsNotLetIn() throws InterruptedException {
        floor.worked(PriorityClass.LIVE, 1);
        assertThat(next(worth -> worth == PriorityClass.LIVE)).contains(PriorityClass.LIVE);
    }
}
