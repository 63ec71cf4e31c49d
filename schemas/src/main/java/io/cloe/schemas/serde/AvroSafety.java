package io.cloe.schemas.serde;

import io.cloe.schemas.ScanEvent;
import org.apache.avro.util.ClassSecurityValidator;

/** Process-wide Avro settings that reading records from strangers needs. Existing settings of the process are kept. */
final class AvroSafety {

    private static boolean applied;

    private AvroSafety() {}

    /** Applies the settings, once: every call would lay one more validator around the former. */
    static synchronized void apply() {
        if (applied) {
            return;
        }
        applied = true;
        // A length prefix in hostile bytes must not make the decoder allocate gigabytes; no record of ours comes near.
        limit("org.apache.avro.limits.bytes.maxLength", 64 << 20);
        limit("org.apache.avro.limits.string.maxLength", 1 << 20);
        limit("org.apache.avro.limits.collectionItems.maxLength", 1 << 16);
        // Since 1.12.2 Avro instantiates only classes that the process trusts.
        String ours = ScanEvent.class.getPackageName();
        ClassSecurityValidator.setGlobal(
                ClassSecurityValidator.composite(ClassSecurityValidator.getGlobal(), type -> type.getPackageName()
                        .equals(ours)));
    }

    private static void limit(String property, int value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, Integer.toString(value));
        }
    }
}
