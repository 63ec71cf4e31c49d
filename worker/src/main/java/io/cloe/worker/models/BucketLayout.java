package io.cloe.worker.models;

import io.cloe.worker.bundle.BundleException;
import io.cloe.worker.bundle.BundleException.Kind;
import io.cloe.worker.bundle.BundleFiles;
import io.cloe.worker.models.BundleObjects.Listed;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Which objects make up which bundle: {@code FOLDER/manifest.json}, and what lies beside it. */
final class BucketLayout {

    private BucketLayout() {}

    /** Objects by folder and by their names in it, for all folders with a manifest. */
    static Map<String, Map<String, Listed>> folders(List<Listed> objects) {
        Map<String, Map<String, Listed>> folders = objects.stream()
                .filter(object -> object.name().indexOf('/') > 0)
                .filter(object -> !isHidden(object.name()))
                .collect(Collectors.groupingBy(
                        BucketLayout::folder,
                        TreeMap::new,
                        Collectors.toMap(BucketLayout::nameInFolder, object -> object, (one, same) -> one)));
        folders.values().removeIf(files -> !files.containsKey(BundleFiles.MANIFEST));
        return folders;
    }

    private static String folder(Listed object) {
        return object.name().substring(0, object.name().indexOf('/'));
    }

    private static String nameInFolder(Listed object) {
        return object.name().substring(object.name().indexOf('/') + 1);
    }

    /** Dot files belong to nobody's model, and browsers of object stores make empty objects for folders. */
    private static boolean isHidden(String name) {
        return name.startsWith(".") || name.contains("/.") || name.endsWith("/");
    }

    /**
     * Compares what a manifest lists with what is there, as far as that can be seen without reading it.
     *
     * @param objects by their names in the bundle's folder
     * @throws BundleException if a file is missing, has another size, or is not listed
     */
    static void requireComplete(BundleFiles files, Map<String, Listed> objects) throws BundleException {
        for (Map.Entry<String, BundleFiles.Listed> file : files.listed().entrySet()) {
            Listed object = objects.get(file.getKey());
            if (object == null) {
                throw new BundleException(Kind.FILE_MISSING, "files: '" + file.getKey() + "' is listed but missing");
            }
            if (object.bytes() != file.getValue().bytes()) {
                throw new BundleException(
                        Kind.FILE_CHANGED,
                        "files: '" + file.getKey() + "' has " + object.bytes() + " bytes, the manifest says "
                                + file.getValue().bytes());
            }
        }
        Map<String, Listed> unlisted = new HashMap<>(objects);
        unlisted.remove(BundleFiles.MANIFEST);
        unlisted.keySet().removeAll(files.listed().keySet());
        if (!unlisted.isEmpty()) {
            throw new BundleException(
                    Kind.FILE_UNLISTED,
                    "files: '" + unlisted.keySet().iterator().next()
                            + "' is in the bundle but not listed; list it or remove it");
        }
    }
}
