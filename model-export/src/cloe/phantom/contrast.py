"""Noise-free intensities of the four contrasts (data notes 2.3, calibrated on class statistics of real cases)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cloe.phantom.noise import smooth_noise
from cloe.phantom.tissue import TUMOUR_LABEL, Tissue

CONTRASTS = ("T1", "T1CE", "T2", "FLAIR")
"""Order of the columns below and of every four-contrast array in this package."""


@dataclass(frozen=True)
class Appearance:
    """One tissue in the four contrasts, in units of an arbitrary scale where white matter on T1 is 0.78.

    Parameters
    ----------
    mean
        Mean per contrast.
    spread
        Standard deviation of that mean from case to case.
    texture
        Standard deviation inside the tissue, per contrast.
    """

    mean: tuple[float, float, float, float]
    spread: tuple[float, float, float, float]
    texture: tuple[float, float, float, float]


APPEARANCE = {
    Tissue.CSF: Appearance((0.20, 0.20, 1.00, 0.12), (0.04, 0.04, 0.10, 0.04), (0.03, 0.03, 0.06, 0.03)),
    Tissue.GREY: Appearance((0.52, 0.55, 0.58, 0.58), (0.04, 0.04, 0.05, 0.04), (0.04, 0.04, 0.05, 0.05)),
    Tissue.WHITE: Appearance((0.78, 0.78, 0.42, 0.48), (0.04, 0.04, 0.04, 0.04), (0.04, 0.04, 0.03, 0.04)),
    Tissue.DEEP_GREY: Appearance((0.60, 0.62, 0.50, 0.52), (0.04, 0.04, 0.04, 0.04), (0.04, 0.04, 0.04, 0.04)),
    Tissue.NECROSIS: Appearance((0.49, 0.36, 1.10, 1.01), (0.09, 0.09, 0.10, 0.10), (0.22, 0.22, 0.09, 0.13)),
    Tissue.OEDEMA: Appearance((0.64, 0.60, 0.935, 0.885), (0.07, 0.06, 0.08, 0.08), (0.20, 0.17, 0.09, 0.115)),
    Tissue.ENHANCING: Appearance((0.69, 1.33, 1.03, 0.965), (0.08, 0.20, 0.10, 0.10), (0.22, 0.22, 0.22, 0.19)),
}
"""Healthy tissues by hand; the tumour's means and textures fitted to the table of :mod:`cloe.phantom.separability`."""

_T1, _T1CE, _T2, _FLAIR = range(4)


def draw_means(random: np.random.Generator) -> np.ndarray:
    """Class means of one case, float32 ``[8, 4]`` (tissue, contrast)."""
    means = np.zeros((len(Tissue), len(CONTRASTS)), np.float32)
    common = random.standard_normal(4)
    for tissue, appearance in APPEARANCE.items():
        own = random.standard_normal(4)
        # A tumour that is bright on a contrast is so in all its parts: three quarters of the variance are common.
        draw = 0.866 * common + 0.5 * own if tissue in TUMOUR_LABEL else own
        means[tissue] = np.array(appearance.mean) + np.array(appearance.spread) * draw
    # Contrast agent does not change healthy tissue: there T1CE follows T1's draw.
    for tissue in (Tissue.CSF, Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY):
        appearance = APPEARANCE[tissue]
        means[tissue, _T1CE] = means[tissue, _T1] + appearance.mean[_T1CE] - appearance.mean[_T1]
    return means


def paint(random: np.random.Generator, tissue: np.ndarray, spacing: float) -> np.ndarray:
    """Intensities of the four contrasts, with texture and confounders.

    Confounders: blood (bright on T1 and T1CE, so T1CE alone mistakes it for enhancement), white matter
    lesions that are no tumour (T2 and FLAIR), bright vessels and choroid plexus (T1CE), and fluid that T2
    does not tell from oedema.

    Returns
    -------
    np.ndarray
        float32 ``[4, z, y, x]``, 0 outside the brain.
    """
    means = draw_means(random)
    wide = smooth_noise(random, tissue.shape, spacing, 8.0)
    narrow = smooth_noise(random, tissue.shape, spacing, 4.0)
    images = np.stack([means[:, contrast][tissue] for contrast in range(4)])
    for contrast, texture in enumerate(_textures(random, wide, narrow, spacing)):
        strength = np.zeros(len(Tissue), np.float32)
        for kind, appearance in APPEARANCE.items():
            strength[kind] = appearance.texture[contrast]
        images[contrast] += strength[tissue] * texture

    if random.uniform() < 0.4:
        blood = (tissue == Tissue.NECROSIS) & (wide > 1.1)
        images[_T1][blood] += 0.5
        images[_T1CE][blood] += 0.5
    lesions = (tissue == Tissue.WHITE) & (narrow > random.uniform(1.9, 2.8))
    images[_T2][lesions] += 0.3
    images[_FLAIR][lesions] += 0.3
    vessels = ((tissue == Tissue.CSF) & (narrow > 1.6)) | ((tissue == Tissue.GREY) & (narrow > 2.6))
    images[_T1CE][vessels] += random.uniform(0.4, 0.8)
    images[:, tissue == Tissue.OUTSIDE] = 0.0
    return images


def _textures(random: np.random.Generator, wide: np.ndarray, narrow: np.ndarray, spacing: float) -> list[np.ndarray]:
    """Unit-deviation textures of the four contrasts: T1 and T1CE alike, T2 and FLAIR alike, none a copy of another."""
    first = 0.6 * wide + 0.8 * narrow
    second, third = (
        0.6 * smooth_noise(random, wide.shape, spacing, 8.0) + 0.8 * smooth_noise(random, wide.shape, spacing, 4.0)
        for _ in range(2)
    )
    return [first, 0.7 * first + 0.714 * second, 0.954 * second - 0.3 * first, 0.5 * second + 0.866 * third]
