package io.cloe.worker.bundle;

import com.fasterxml.jackson.databind.JsonNode;
import io.cloe.worker.bundle.BundleException.Kind;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** A JSON value that knows its key, so that every complaint can name it. */
final class ManifestNode {

    private final String key;
    private final JsonNode value;

    ManifestNode(String key, JsonNode value) {
        this.key = key;
        this.value = value;
    }

    /** This object, once it has exactly the given keys. */
    ManifestNode withExactly(Set<String> keys) throws BundleException {
        return withKeys(keys, Set.of());
    }

    /** This object, once it has all required keys and none that is neither required nor optional. */
    ManifestNode withKeys(Set<String> required, Set<String> optional) throws BundleException {
        requireObject();
        Set<String> keys = new TreeSet<>(required);
        keys.addAll(optional);
        for (String name : required) {
            if (!value.has(name)) {
                throw new BundleException(Kind.KEY_MISSING, nameOf(name) + ": missing");
            }
        }
        for (Iterator<String> names = value.fieldNames(); names.hasNext(); ) {
            String name = names.next();
            if (!keys.contains(name)) {
                throw new BundleException(Kind.KEY_UNKNOWN, nameOf(name) + ": unknown key; allowed are " + keys);
            }
        }
        return this;
    }

    /** Whether this object has the key. */
    boolean has(String name) throws BundleException {
        requireObject();
        return value.has(name);
    }

    /** The value of a key of this object. */
    ManifestNode at(String name) throws BundleException {
        requireObject();
        JsonNode child = value.get(name);
        if (child == null) {
            throw new BundleException(Kind.KEY_MISSING, nameOf(name) + ": missing");
        }
        return new ManifestNode(nameOf(name), child);
    }

    /** All keys of this object with their values, in the manifest's order. */
    Map<String, ManifestNode> entries() throws BundleException {
        requireObject();
        Map<String, ManifestNode> entries = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : value.properties()) {
            entries.put(entry.getKey(), new ManifestNode(nameOf(entry.getKey()), entry.getValue()));
        }
        return entries;
    }

    List<ManifestNode> elements() throws BundleException {
        if (!value.isArray()) {
            throw invalid("a list");
        }
        List<ManifestNode> elements = new ArrayList<>();
        for (JsonNode element : value) {
            elements.add(new ManifestNode(key + "[" + elements.size() + "]", element));
        }
        return elements;
    }

    List<String> strings() throws BundleException {
        List<String> strings = new ArrayList<>();
        for (ManifestNode element : elements()) {
            strings.add(element.string());
        }
        return strings;
    }

    String string() throws BundleException {
        if (!value.isTextual()) {
            throw invalid("a string");
        }
        return value.textValue();
    }

    /** A string of 1 to 64 letters, digits, dots, hyphens and underscores, starting with a letter or digit. */
    String name() throws BundleException {
        String text = string();
        if (!text.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")) {
            throw invalid("1 to 64 letters, digits, '.', '-' and '_', starting with a letter or digit");
        }
        return text;
    }

    boolean flag() throws BundleException {
        if (!value.isBoolean()) {
            throw invalid("true or false");
        }
        return value.booleanValue();
    }

    /** A whole number from {@code low} to {@code high}, both allowed. */
    long whole(long low, long high) throws BundleException {
        if (!value.isIntegralNumber()
                || !value.canConvertToLong()
                || value.longValue() < low
                || value.longValue() > high) {
            throw invalid("a whole number from " + low + " to " + high);
        }
        return value.longValue();
    }

    /** A finite number from {@code low} to {@code high}, both allowed. */
    double number(double low, double high) throws BundleException {
        if (!value.isNumber() || !(value.doubleValue() >= low && value.doubleValue() <= high)) {
            throw invalid("a number from " + low + " to " + high);
        }
        return value.doubleValue();
    }

    /** Exactly {@code count} numbers from {@code low} to {@code high}. */
    List<Double> numbers(int count, double low, double high) throws BundleException {
        List<ManifestNode> elements = elements();
        if (elements.size() != count) {
            throw invalid("a list of " + count + " numbers");
        }
        List<Double> numbers = new ArrayList<>();
        for (ManifestNode element : elements) {
            numbers.add(element.number(low, high));
        }
        return numbers;
    }

    /** Complaint that this value is not what is allowed. */
    BundleException invalid(String allowed) {
        String shown = value.toString();
        if (shown.length() > 80) {
            shown = shown.substring(0, 80) + "...";
        }
        return new BundleException(Kind.VALUE_INVALID, key + ": " + shown + " is not allowed; must be " + allowed);
    }

    private void requireObject() throws BundleException {
        if (!value.isObject()) {
            throw invalid("an object");
        }
    }

    private String nameOf(String child) {
        return key.isEmpty() ? child : key + "." + child;
    }
}
