package io.cloe.worker.admin;

import io.cloe.worker.volume.GrayImage;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/** The images that were looked at last, up to a number of bytes. */
final class ImageCache {

    private final long most;
    private final LinkedHashMap<String, GrayImage> images = new LinkedHashMap<>(16, 0.75f, true);
    private long bytes;

    ImageCache(long most) {
        this.most = most;
    }

    synchronized GrayImage get(String name) {
        return images.get(name);
    }

    synchronized void put(String name, GrayImage image) {
        if (image.levels().length > most) {
            return;
        }
        GrayImage former = images.put(name, image);
        bytes += image.levels().length - (former == null ? 0 : former.levels().length);
        Iterator<Map.Entry<String, GrayImage>> oldest = images.entrySet().iterator();
        while (bytes > most) {
            bytes -= oldest.next().getValue().levels().length;
            oldest.remove();
        }
    }

    synchronized long bytes() {
        return bytes;
    }
}
