package io.cloe.worker.review;

import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.QaFeedback;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyStatus;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;

/**
 * Remembers the studies that changed last, from the records that tell of them. Any worker can so show every study, whoever works
 * on it.
 *
 * <p>Records of one study may come in any order between topics, and twice. For any number of threads.
 */
public final class StudyCatalogue {

    private final int limit;
    private final LinkedHashMap<String, StudyEntry> entries = new LinkedHashMap<>();
    private final List<Consumer<String>> listeners = new CopyOnWriteArrayList<>();

    /** @param limit studies remembered; the one that changed longest ago is forgotten first */
    public StudyCatalogue(int limit) {
        this.limit = limit;
    }

    /**
     * One page of the list.
     *
     * @param total studies remembered
     * @param matching how many of them the query accepts
     * @param rows the page
     * @param look over all studies without a verdict, how many have each reason to look
     */
    public record Page(int total, int matching, List<StudyRow> rows, Map<LookReason, Integer> look) {}

    /** Takes a record of any topic that tells of studies; ignores others. */
    public void accept(SpecificRecord record) {
        String studyId = studyOf(record);
        if (studyId == null) {
            return;
        }
        synchronized (entries) {
            StudyEntry entry = entries.remove(studyId);
            if (entry == null) {
                entry = new StudyEntry(studyId);
            }
            entries.put(studyId, entry); // now the last
            entry.accept(record);
            if (entries.size() > limit) {
                entries.remove(entries.keySet().iterator().next());
            }
        }
        listeners.forEach(listener -> listener.accept(studyId));
    }

    private static String studyOf(SpecificRecord record) {
        if (record instanceof StudyStatus status) {
            return status.getStudyId();
        }
        if (record instanceof Segmentation segmentation) {
            return segmentation.getStudyId();
        }
        if (record instanceof GatingWeights weights) {
            return weights.getStudyId();
        }
        if (record instanceof StudyFailure failure) {
            return failure.getStudyId();
        }
        if (record instanceof QaFeedback feedback) {
            return feedback.getStudyId();
        }
        return record instanceof ScanEvent event ? event.getStudyId() : null;
    }

    /** Calls back with the id of each study that changes, on the thread that told of it. */
    public void onChange(Consumer<String> listener) {
        listeners.add(listener);
    }

    /** The studies that a query accepts. */
    public Page list(StudyQuery query) {
        List<StudyRow> all = rows();
        List<StudyRow> matching = all.stream()
                .filter(query::accepts)
                .sorted(query.order().comparator())
                .toList();
        int from = Math.min(query.offset(), matching.size());
        int to = Math.min(from + query.limit(), matching.size());
        Map<LookReason, Integer> look = new EnumMap<>(LookReason.class);
        all.stream().filter(row -> row.verdict().isEmpty()).forEach(row -> row.look()
                .forEach(reason -> look.merge(reason, 1, Integer::sum)));
        return new Page(all.size(), matching.size(), matching.subList(from, to), look);
    }

    private List<StudyRow> rows() {
        synchronized (entries) {
            return entries.values().stream().map(StudyEntry::row).toList();
        }
    }

    /** All that is remembered of a study. */
    public Optional<StudyDetail> find(String studyId) {
        synchronized (entries) {
            return Optional.ofNullable(entries.get(studyId)).map(StudyEntry::detail);
        }
    }

    /**
     * Where the consistency of each modality usually lies among the remembered results of a model family.
     *
     * @return by modality; {@code global} and {@code regional}, without those that no study has
     */
    public Map<String, Map<String, Band>> consistencyBands(String family) {
        Map<String, Map<String, List<Double>>> values = new TreeMap<>();
        synchronized (entries) {
            for (StudyEntry entry : entries.values()) {
                if (entry.row().family().equals(family)) {
                    entry.latestGating().forEach(gating -> collect(gating, values));
                }
            }
        }
        Map<String, Map<String, Band>> bands = new TreeMap<>();
        values.forEach((modality, kinds) -> {
            Map<String, Band> ofModality = new TreeMap<>();
            kinds.forEach((kind, found) -> ofModality.put(
                    kind,
                    Band.of(found.stream().mapToDouble(Double::doubleValue).toArray())));
            bands.put(modality, ofModality);
        });
        return bands;
    }

    private static void collect(ModalityGating gating, Map<String, Map<String, List<Double>>> values) {
        Map<String, List<Double>> kinds = values.computeIfAbsent(gating.getModality(), modality -> new TreeMap<>());
        if (gating.getConsistencyGlobal() != null) {
            kinds.computeIfAbsent("global", kind -> new ArrayList<>()).add(gating.getConsistencyGlobal());
        }
        if (gating.getConsistencyRegional() != null) {
            kinds.computeIfAbsent("regional", kind -> new ArrayList<>()).add(gating.getConsistencyRegional());
        }
    }
}
