package io.cloe.worker.admin;

import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.awt.image.DataBufferInt;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import javax.imageio.ImageIO;

/** Slices as PNG files. */
final class SlicePng {

    static {
        ImageIO.setUseCache(false); // which would write a temporary file for each image
    }

    private SlicePng() {}

    /** Grey levels, one pixel per index. */
    static byte[] grey(byte[] levels, int[] indices, int width) {
        BufferedImage image = new BufferedImage(width, indices.length / width, BufferedImage.TYPE_BYTE_GRAY);
        byte[] pixels = ((DataBufferByte) image.getRaster().getDataBuffer()).getData();
        for (int i = 0; i < indices.length; i++) {
            pixels[i] = levels[indices[i]];
        }
        return png(image);
    }

    /** Labels in their colours, and nothing where there is none. */
    static byte[] labels(byte[] labels, int[] indices, int width, LabelColours colours) {
        BufferedImage image = new BufferedImage(width, indices.length / width, BufferedImage.TYPE_INT_ARGB);
        int[] pixels = ((DataBufferInt) image.getRaster().getDataBuffer()).getData();
        for (int i = 0; i < indices.length; i++) {
            int label = labels[indices[i]] & 0xFF;
            pixels[i] = label == 0 ? 0 : 0xFF000000 | colours.colour(label);
        }
        return png(image);
    }

    private static byte[] png(BufferedImage image) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(1 << 14);
        try {
            ImageIO.write(image, "png", bytes);
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory cannot fail", e);
        }
        return bytes.toByteArray();
    }
}
