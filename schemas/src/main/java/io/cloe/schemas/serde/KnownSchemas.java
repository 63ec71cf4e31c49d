package io.cloe.schemas.serde;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.message.SchemaStore;

/**
 * Every schema version that a message may have been written with: the current one and all earlier ones, which are kept as
 * resources {@code known/RECORD-N.avsc}. A test refuses a changed schema whose new version was not added there.
 */
final class KnownSchemas {

    private KnownSchemas() {}

    /** Versions of the record that {@code current} describes, oldest first; the last one equals {@code current}. */
    static List<Schema> versionsOf(Schema current) {
        List<Schema> versions = new ArrayList<>();
        for (int version = 1; ; version++) {
            String resource = "/io/cloe/schemas/known/" + current.getName() + "-" + version + ".avsc";
            try (InputStream text = KnownSchemas.class.getResourceAsStream(resource)) {
                if (text == null) {
                    return versions;
                }
                versions.add(new Schema.Parser().parse(text));
            } catch (IOException e) {
                throw new UncheckedIOException("cannot read " + resource, e);
            }
        }
    }

    /** Finds a writer's schema by the fingerprint in a message. */
    static SchemaStore storeFor(Schema current) {
        SchemaStore.Cache store = new SchemaStore.Cache();
        versionsOf(current).forEach(store::addSchema);
        store.addSchema(current);
        return store;
    }
}
