package io.cloe.worker.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A colour for each label of a mask. Okabe and Ito's palette, whose colours people with any kind of colour blindness tell apart; the
 * three of glioma also differ in lightness.
 */
final class LabelColours {

    private static final Pattern LABEL = Pattern.compile("([A-Za-z][A-Za-z0-9_-]{0,31}) ([0-9]{1,3})(?=,|$)");
    private static final int[] PALETTE = {0x56B4E9, 0xF0E442, 0xD55E00, 0x009E73, 0xCC79A7, 0x0072B2, 0xE69F00};

    /** For results of before the scheme's name came with its labels. */
    private static final Map<String, String> KNOWN = Map.of("brats-2023", "NCR 1, ED 2, ET 3");

    private final TreeMap<Integer, String> names = new TreeMap<>();

    private LabelColours() {}

    /** Reads a scheme such as {@code brats-2023: NCR 1, ED 2, ET 3}; whatever it cannot read has no name but a colour. */
    static LabelColours of(String scheme) {
        LabelColours colours = new LabelColours();
        Matcher label = LABEL.matcher(KNOWN.getOrDefault(scheme, scheme));
        while (label.find()) {
            int value = Integer.parseInt(label.group(2));
            if (value > 0 && value < 256) {
                colours.names.put(value, label.group(1));
            }
        }
        return colours;
    }

    /** The colour of a label, {@code 0xRRGGBB}. */
    int colour(int label) {
        int place = names.containsKey(label) ? names.headMap(label).size() : label - 1;
        return PALETTE[place % PALETTE.length];
    }

    ArrayNode json() {
        ArrayNode array = JsonNodeFactory.instance.arrayNode();
        for (Map.Entry<Integer, String> name : names.entrySet()) {
            array.addObject()
                    .put("value", name.getKey())
                    .put("name", name.getValue())
                    .put("colour", String.format("#%06X", colour(name.getKey())));
        }
        return array;
    }
}
