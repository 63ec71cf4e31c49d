"""Tasks of the Medical Segmentation Decathlon: ``dataset.json``, ``imagesTr``, ``labelsTr``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np

from cloe.datasets.case import LabelledCase
from cloe.nifti import volume_from_image
from cloe.specification import Specification

DESCRIPTION = "dataset.json"


@dataclass(frozen=True)
class DecathlonCase:
    """Files of one labelled study: all modalities in one four-dimensional image."""

    image: Path
    label: Path


@dataclass(frozen=True)
class DecathlonTask:
    """A task's labelled studies and the channels that its images hold.

    Attributes
    ----------
    cases
        In the order of ``dataset.json``.
    channels
        Channel of the image for each modality of the specification.
    """

    cases: tuple[DecathlonCase, ...]
    channels: tuple[int, ...]


def open_task(root: Path, specification: Specification) -> DecathlonTask:
    """Read ``dataset.json`` of a task's folder.

    Raises
    ------
    ValueError
        If a modality of the specification lacks, the labels mean something else, a file lacks, or no study is
        labelled.
    """
    content = json.loads((root / DESCRIPTION).read_text())
    names = {str(name).upper(): int(channel) for channel, name in content["modality"].items()}
    lacking = [name for name in specification.modalities if name not in names]
    if lacking:
        raise ValueError(f"the task lacks the modalities {lacking}; it has {sorted(names)}")
    _check_labels(content["labels"], specification)
    cases = tuple(DecathlonCase(root / entry["image"], root / entry["label"]) for entry in content["training"])
    absent = [path.name for case in cases for path in (case.image, case.label) if not path.is_file()]
    if absent:
        raise ValueError(f"{len(absent)} files of {DESCRIPTION} are not there, {absent[0]} among them")
    if not cases:
        raise ValueError("the task has no labelled study")
    return DecathlonTask(cases, tuple(names[name] for name in specification.modalities))


def read_decathlon_case(
    case: DecathlonCase, channels: tuple[int, ...], specification: Specification, orientation: str = "LPS"
) -> LabelledCase:
    """Read one study, channels in the specification's order.

    Raises
    ------
    ValueError
        If image and label differ in shape or a label is unknown.
    """
    image = nibabel.load(case.image)
    data = np.asanyarray(image.dataobj, dtype=np.float32)
    if data.ndim == 3:
        data = data[..., None]
    if data.ndim != 4 or data.shape[3] <= max(channels):
        raise ValueError(f"{case.image.name}: shape {data.shape} does not hold channels {channels}")
    volumes = [
        volume_from_image(nibabel.Nifti1Image(data[..., channel], image.affine), orientation) for channel in channels
    ]
    truth = volume_from_image(nibabel.load(case.label), orientation)
    if truth.data.shape != volumes[0].data.shape:
        raise ValueError(f"{case.image.name}: image and label differ in shape")
    values = np.rint(truth.data).astype(np.int32)
    labels = np.zeros(values.shape, np.uint8)
    known = np.zeros(values.shape, bool)
    for channel, entry in enumerate(specification.classes):
        here = values == entry.label
        labels[here] = channel
        known |= here
    if not known.all():
        raise ValueError(f"{case.label.name}: unknown labels {np.unique(values[~known]).tolist()}")
    spacing = np.linalg.norm(truth.affine[:3, :3], axis=0)[::-1]
    images = np.stack([volume.data for volume in volumes])
    return LabelledCase(case.image.name.split(".")[0], images, labels, tuple(float(value) for value in spacing))


def _check_labels(found: Mapping[str, str], specification: Specification) -> None:
    wanted = {entry.label: entry.name for entry in specification.classes if entry.label != 0}
    given = {int(value): str(name).upper() for value, name in found.items() if int(value) != 0}
    if wanted != given:
        raise ValueError(f"the task's labels are {given}, the specification's {wanted}")
