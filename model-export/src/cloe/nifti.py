"""NIfTI volumes in a fixed storage order, arrays as (z, y, x)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from nibabel import orientations


@dataclass(frozen=True)
class Volume:
    """A scan brought to a storage order.

    Attributes
    ----------
    data
        float32 (z, y, x), x fastest in the file.
    affine
        Voxel (x, y, z) to world RAS millimetres, of ``data`` after reorientation.
    original_shape
        (x, y, z) in the file.
    original_affine
        As in the file.
    """

    data: np.ndarray
    affine: np.ndarray
    original_shape: tuple[int, int, int]
    original_affine: np.ndarray


def _transform(affine: np.ndarray, orientation: str) -> np.ndarray:
    return orientations.ornt_transform(
        orientations.io_orientation(affine), orientations.axcodes2ornt(tuple(orientation))
    )


def load_volume(path: Path, orientation: str) -> Volume:
    """Read a volume and flip or transpose it to the nearest axis codes ``orientation`` (for example LPS).

    Raises
    ------
    ValueError
        If the file does not hold exactly one three-dimensional volume.
    """
    return volume_from_image(nibabel.load(path), orientation)


def volume_from_image(image: nibabel.spatialimages.SpatialImage, orientation: str) -> Volume:
    """Turn an opened image, see :func:`load_volume`."""
    data = np.asanyarray(image.dataobj, dtype=np.float32)
    if data.ndim == 4 and data.shape[3] == 1:
        data = data[..., 0]
    if data.ndim != 3:
        raise ValueError(f"expected a three-dimensional volume, got shape {data.shape}")
    transform = _transform(image.affine, orientation)
    affine = image.affine @ orientations.inv_ornt_aff(transform, data.shape)
    turned = orientations.apply_orientation(data, transform)
    return Volume(np.ascontiguousarray(turned.T), affine, data.shape, image.affine)


def restore_order(data: np.ndarray, volume: Volume, orientation: str) -> np.ndarray:
    """Bring a (z, y, x) array in ``orientation`` order back to the storage order (x, y, z) of the file."""
    back = orientations.ornt_transform(
        orientations.axcodes2ornt(tuple(orientation)), orientations.io_orientation(volume.original_affine)
    )
    return orientations.apply_orientation(data.T, back)


def save_volume(path: Path, data: np.ndarray, affine: np.ndarray, label: bool = False) -> None:
    """Write an (x, y, z) array with a clean header: no description, no extension.

    Parameters
    ----------
    path
        File to write, ``.nii.gz``.
    data
        In the storage order that ``affine`` describes; its type becomes the file's.
    affine
        Voxel (x, y, z) to world RAS millimetres.
    label
        Mark the file as holding labels.
    """
    image = nibabel.Nifti1Image(data, affine)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = b""
    if label:
        image.header["intent_code"] = 1002
    nibabel.save(image, path)


def lps_affine(shape: tuple[int, int, int], spacing: float) -> np.ndarray:
    """Affine of an LPS volume of (z, y, x) ``shape`` whose centre is the world's origin."""
    affine = np.diag([-spacing, -spacing, spacing, 1.0])
    centre = np.array([(size - 1) / 2.0 for size in reversed(shape)])
    affine[:3, 3] = -affine[:3, :3] @ centre
    return affine
