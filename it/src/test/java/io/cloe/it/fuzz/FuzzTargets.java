package io.cloe.it.fuzz;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** All targets. A target is registered here, and nowhere else. */
public final class FuzzTargets {

    /** Opens a target. */
    private interface Opening {
        FuzzTarget open(Path folder) throws Exception;
    }

    private static final Map<String, Opening> ALL = new TreeMap<>(Map.of(
            "records", RecordsTarget::new,
            "events", EventsTarget::new,
            "nifti", folder -> NiftiTarget.plain(),
            "nifti-gz", folder -> NiftiTarget.compressed(),
            "manifest", ManifestTarget::new,
            "rules", RulesTarget::new,
            "required", folder -> new RequiredTarget(),
            "configuration", ConfigurationTarget::new,
            "http", HttpTarget::new));

    private FuzzTargets() {}

    /** Names of all targets. */
    public static List<String> names() {
        return new ArrayList<>(ALL.keySet());
    }

    /**
     * Opens a target.
     *
     * @param folder an empty folder for what it writes
     * @throws IllegalArgumentException if there is none of this name
     */
    static FuzzTarget open(String name, Path folder) throws Exception {
        Opening opening = ALL.get(name);
        if (opening == null) {
            throw new IllegalArgumentException("no target " + name + "; allowed: " + names());
        }
        return opening.open(folder);
    }
}
