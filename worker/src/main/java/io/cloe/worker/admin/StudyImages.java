package io.cloe.worker.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.VolumeReference;
import io.cloe.worker.admin.HttpProblem.Code;
import io.cloe.worker.masks.MaskStoreException;
import io.cloe.worker.review.StudyCatalogue;
import io.cloe.worker.review.StudyDetail;
import io.cloe.worker.volume.GrayImage;
import io.cloe.worker.volume.NiftiReader;
import io.cloe.worker.volume.SlicePlane;
import io.cloe.worker.volume.SliceView;
import io.cloe.worker.volume.Volume;
import io.cloe.worker.volume.VolumeException;
import io.cloe.worker.volume.VolumeSource;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Volumes and masks as people look at them: whole, for a viewer in the browser, and as slices for browsers without WebGL.
 *
 * <p>A volume goes out as grey levels in a new file: nothing of the original's header text leaves the worker.
 */
final class StudyImages {

    private static final Logger LOG = LoggerFactory.getLogger(StudyImages.class);

    private static final String NIFTI = "application/gzip";
    private static final String PNG = "image/png";
    private static final int LOADS_AT_ONCE = 2;
    private static final long CACHE_BYTES = 192L << 20;

    private final StudyCatalogue catalogue;
    private final VolumeSource volumes;
    private final MaskReader masks;
    private final NiftiReader maskReader;
    private final ImageCache cache = new ImageCache(CACHE_BYTES);
    private final Semaphore loads = new Semaphore(LOADS_AT_ONCE);

    StudyImages(StudyCatalogue catalogue, VolumeSource volumes, MaskReader masks, int maxVoxels) {
        this.catalogue = catalogue;
        this.volumes = volumes;
        this.masks = masks;
        this.maskReader = new NiftiReader(maxVoxels);
    }

    HttpReply scanVolume(String studyId, String eventId) throws HttpProblem {
        return HttpReply.bytes(NIFTI, scan(studyId, eventId).toNifti());
    }

    HttpReply scanView(String studyId, String eventId) throws HttpProblem {
        SliceView view = new SliceView(scan(studyId, eventId).grid());
        int[] dims = view.dims();
        return view(view, new int[] {dims[0] / 2, dims[1] / 2, dims[2] / 2});
    }

    HttpReply scanSlice(String studyId, String eventId, String plane, String slice) throws HttpProblem {
        GrayImage image = scan(studyId, eventId);
        SliceView view = new SliceView(image.grid());
        SlicePlane named = HttpCall.constant("plane", plane, SlicePlane.class);
        int[] indices = view.indices(named, slice(view, named, slice));
        return HttpReply.bytes(PNG, SlicePng.grey(image.levels(), indices, view.width(named)));
    }

    HttpReply mask(String studyId, int revision) throws HttpProblem {
        MaskReference reference = maskOf(studyId, revision);
        return HttpReply.bytes(NIFTI, guarded(() -> readMask(reference)));
    }

    /** The slices through the middle of what was found. */
    HttpReply maskView(String studyId, int revision) throws HttpProblem {
        GrayImage labels = labels(maskOf(studyId, revision));
        SliceView view = new SliceView(labels.grid());
        return view(view, MaskCentre.of(labels.levels(), view));
    }

    HttpReply maskSlice(String studyId, int revision, String plane, String slice) throws HttpProblem {
        MaskReference reference = maskOf(studyId, revision);
        GrayImage labels = labels(reference);
        SliceView view = new SliceView(labels.grid());
        SlicePlane named = HttpCall.constant("plane", plane, SlicePlane.class);
        int[] indices = view.indices(named, slice(view, named, slice));
        LabelColours colours = LabelColours.of(reference.getLabelScheme());
        return HttpReply.bytes(PNG, SlicePng.labels(labels.levels(), indices, view.width(named), colours));
    }

    private static int slice(SliceView view, SlicePlane plane, String slice) throws HttpProblem {
        return HttpCall.number("slice", slice, 0, view.slices(plane) - 1);
    }

    private static HttpReply view(SliceView view, int[] centre) {
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        ArrayNode dims = node.putArray("dims");
        ArrayNode spacing = node.putArray("spacingMm");
        ArrayNode middle = node.putArray("centre");
        for (int axis = 0; axis < 3; axis++) {
            dims.add(view.dims()[axis]);
            spacing.add(view.spacingMm()[axis]);
            middle.add(centre[axis]);
        }
        return HttpReply.json(node);
    }

    private StudyDetail study(String studyId) throws HttpProblem {
        return catalogue.find(studyId).orElseThrow(HttpProblem::unknownStudy);
    }

    private MaskReference maskOf(String studyId, int revision) throws HttpProblem {
        return study(studyId)
                .revision(revision)
                .orElseThrow(() -> new HttpProblem(404, Code.UNKNOWN_REVISION, "this study has no such revision"))
                .segmentation()
                .getMask();
    }

    private GrayImage scan(String studyId, String eventId) throws HttpProblem {
        VolumeReference reference = study(studyId).volumes().get(eventId);
        if (reference == null) {
            throw new HttpProblem(
                    404, Code.UNKNOWN_SCAN, "this study has no such scan, or it was retracted, or its event is gone");
        }
        // The location is part of the name, for an event may be told again with another one.
        return cached("scan " + reference.getUri() + ' ' + eventId, () -> {
            try {
                return GrayImage.of(volumes.load(reference).volume());
            } catch (VolumeException e) {
                LOG.debug("a volume cannot be shown: {}", e.reason());
                throw new HttpProblem(404, Code.VOLUME_UNAVAILABLE, e.reason().name());
            }
        });
    }

    private GrayImage labels(MaskReference reference) throws HttpProblem {
        return cached("mask " + reference.getSha256(), () -> {
            byte[] file = readMask(reference);
            try {
                Volume volume = maskReader.read(new ByteArrayInputStream(file), file.length);
                byte[] labels = new byte[volume.voxels().length];
                for (int i = 0; i < labels.length; i++) {
                    labels[i] = (byte) Math.round(volume.voxels()[i]);
                }
                return new GrayImage(volume.grid(), labels);
            } catch (VolumeException | IOException e) {
                throw new HttpProblem(404, Code.MASK_UNAVAILABLE, "the mask cannot be read");
            }
        });
    }

    private byte[] readMask(MaskReference reference) throws HttpProblem {
        try {
            return masks.read(URI.create(reference.getUri()));
        } catch (MaskStoreException | IllegalArgumentException e) {
            throw new HttpProblem(404, Code.MASK_UNAVAILABLE, "the mask store of this worker does not give the mask");
        }
    }

    private interface Load<T> {
        T run() throws HttpProblem;
    }

    private GrayImage cached(String name, Load<GrayImage> load) throws HttpProblem {
        GrayImage known = cache.get(name);
        if (known != null) {
            return known;
        }
        return guarded(() -> {
            GrayImage meanwhile = cache.get(name);
            if (meanwhile != null) {
                return meanwhile;
            }
            GrayImage loaded = load.run();
            cache.put(name, loaded);
            return loaded;
        });
    }

    /** Few at a time: somebody who looks must not take the memory that inference needs. */
    private <T> T guarded(Load<T> load) throws HttpProblem {
        try {
            loads.acquire();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new HttpProblem(503, Code.BUSY, "the worker stops");
        }
        try {
            return load.run();
        } finally {
            loads.release();
        }
    }
}
