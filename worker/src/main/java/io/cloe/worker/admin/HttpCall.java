package io.cloe.worker.admin;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A request without its transport.
 *
 * @param method GET, HEAD or POST
 * @param path the path's segments, percent-decoded
 * @param query its parameters
 * @param accept the header of that name, or empty
 * @param body what was sent; read once
 */
record HttpCall(String method, List<String> path, Map<String, String> query, String accept, Body body) {

    private static final int LONGEST_PATH = 2_048;
    private static final int LONGEST_BODY = 16 << 10;

    /** A request's content. */
    interface Body {
        InputStream open() throws IOException;
    }

    /**
     * Takes a request's parts.
     *
     * @param rawPath path as sent, still encoded
     * @param rawQuery query as sent, or null
     * @throws HttpProblem if they are malformed
     */
    static HttpCall of(String method, String rawPath, String rawQuery, String accept, Body body) throws HttpProblem {
        if (rawPath == null || !rawPath.startsWith("/") || rawPath.length() > LONGEST_PATH) {
            throw HttpProblem.badRequest("the path is malformed or too long");
        }
        List<String> path = new ArrayList<>();
        for (String segment : rawPath.substring(1).split("/", -1)) {
            path.add(decode(segment, false));
        }
        return new HttpCall(method, List.copyOf(path), query(rawQuery), accept == null ? "" : accept, body);
    }

    private static Map<String, String> query(String raw) throws HttpProblem {
        Map<String, String> parameters = new HashMap<>();
        if (raw == null || raw.isEmpty()) {
            return parameters;
        }
        if (raw.length() > LONGEST_PATH) {
            throw HttpProblem.badRequest("the query is too long");
        }
        for (String pair : raw.split("&")) {
            int equals = pair.indexOf('=');
            String name = decode(equals < 0 ? pair : pair.substring(0, equals), true);
            String value = equals < 0 ? "" : decode(pair.substring(equals + 1), true);
            if (parameters.putIfAbsent(name, value) != null) {
                throw HttpProblem.badRequest("a parameter is given twice");
            }
        }
        return parameters;
    }

    /** Strict, unlike {@code URLDecoder}: half an escape or bytes that are no UTF-8 are refused. */
    private static String decode(String encoded, boolean plusIsSpace) throws HttpProblem {
        ByteBuffer bytes = ByteBuffer.allocate(encoded.length() * 3);
        for (int i = 0; i < encoded.length(); i++) {
            char c = encoded.charAt(i);
            if (c == '%') {
                if (i + 2 >= encoded.length()) {
                    throw HttpProblem.badRequest("an escape is cut off");
                }
                int high = Character.digit(encoded.charAt(i + 1), 16);
                int low = Character.digit(encoded.charAt(i + 2), 16);
                if (high < 0 || low < 0) {
                    throw HttpProblem.badRequest("an escape is malformed");
                }
                bytes.put((byte) (high << 4 | low));
                i += 2;
            } else if (c == '+' && plusIsSpace) {
                bytes.put((byte) ' ');
            } else if (c < 128) {
                bytes.put((byte) c);
            } else {
                throw HttpProblem.badRequest("characters beyond ASCII must be escaped");
            }
        }
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes.flip()).toString();
        } catch (CharacterCodingException e) {
            throw HttpProblem.badRequest("the escapes are no UTF-8");
        }
    }

    Optional<String> parameter(String name) {
        return Optional.ofNullable(query.get(name)).filter(value -> !value.isEmpty());
    }

    /** A whole number within bounds, or a default. */
    int number(String name, int low, int high, int otherwise) throws HttpProblem {
        Optional<String> text = parameter(name);
        return text.isEmpty() ? otherwise : number(name, text.get(), low, high);
    }

    static int number(String name, String text, int low, int high) throws HttpProblem {
        if (text.matches("[0-9]{1,9}")) {
            int number = Integer.parseInt(text);
            if (number >= low && number <= high) {
                return number;
            }
        }
        throw HttpProblem.badParameter(name, low + " to " + high);
    }

    /** A constant by its name, whatever the case. */
    static <E extends Enum<E>> E constant(String name, String text, Class<E> type) throws HttpProblem {
        for (E constant : type.getEnumConstants()) {
            if (constant.name().equals(text.toUpperCase(Locale.ROOT))) {
                return constant;
            }
        }
        throw HttpProblem.badParameter(name, List.of(type.getEnumConstants()).toString());
    }

    /** The body, whole. */
    byte[] content() throws HttpProblem {
        try (InputStream in = body.open()) {
            byte[] bytes = in.readNBytes(LONGEST_BODY + 1);
            if (bytes.length > LONGEST_BODY) {
                throw new HttpProblem(413, HttpProblem.Code.TOO_LARGE, "a body has at most " + LONGEST_BODY + " bytes");
            }
            return bytes;
        } catch (IOException e) {
            throw HttpProblem.badRequest("the body could not be read");
        }
    }
}
