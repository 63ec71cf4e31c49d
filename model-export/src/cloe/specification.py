"""What a model segments: its modalities, its classes and the regions that results report.

Nothing in the package is tied to four modalities or three tumour classes; everything that depends on
them takes a :class:`Specification`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations


@dataclass(frozen=True)
class SegmentationClass:
    """One channel of the softmax and the value that stands for it in a mask."""

    name: str
    label: int


@dataclass(frozen=True)
class Specification:
    """Modalities in bundle order, classes in channel order and the reported unions of classes.

    Parameters
    ----------
    modalities
        Names in bundle order; the channels of every tensor follow this order.
    classes
        Background first; the position is the channel index.
    regions
        Region name to the names of the classes that it unites.
    label_scheme
        Name of the mask's coding.
    """

    family: str
    modalities: tuple[str, ...]
    classes: tuple[SegmentationClass, ...]
    regions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    label_scheme: str = "custom"

    def __post_init__(self) -> None:
        if not self.modalities or len(set(self.modalities)) != len(self.modalities):
            raise ValueError("modalities must be unique and at least one")
        names = [entry.name for entry in self.classes]
        if len(names) < 2 or len(set(names)) != len(names):
            raise ValueError("classes must be unique, background and at least one more")
        for region, members in self.regions.items():
            unknown = set(members) - set(names)
            if unknown:
                raise ValueError(f"region {region} names unknown classes {sorted(unknown)}")

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names in channel order."""
        return tuple(entry.name for entry in self.classes)

    def indices(self, modalities: Iterable[str]) -> tuple[int, ...]:
        """Channel indices of the named modalities, ascending (bundle order).

        Raises
        ------
        ValueError
            If a name is unknown, repeated, or none is given.
        """
        names = list(modalities)
        unknown = [name for name in names if name not in self.modalities]
        if unknown:
            raise ValueError(f"unknown modalities {unknown}; known: {list(self.modalities)}")
        if not names or len(set(names)) != len(names):
            raise ValueError("name at least one modality, each once")
        return tuple(sorted(self.modalities.index(name) for name in names))

    def region_indices(self, region: str) -> tuple[int, ...]:
        """Channel indices of the classes that a region unites."""
        return tuple(self.class_names.index(name) for name in self.regions[region])


def subsets(count: int) -> Iterator[tuple[int, ...]]:
    """All non-empty subsets of ``range(count)``, small ones first (``2**count - 1`` of them)."""
    for size in range(1, count + 1):
        yield from combinations(range(count), size)


def subset_name(modalities: Iterable[str]) -> str:
    """Name of a subset as used in file names: the modalities joined by ``+``."""
    return "+".join(modalities)


BRAIN_GLIOMA = Specification(
    family="brain-glioma",
    modalities=("T1", "T1CE", "T2", "FLAIR"),
    classes=(
        SegmentationClass("BACKGROUND", 0),
        SegmentationClass("NCR", 1),
        SegmentationClass("ED", 2),
        SegmentationClass("ET", 3),
    ),
    regions={"WT": ("NCR", "ED", "ET"), "TC": ("NCR", "ET"), "ET": ("ET",)},
    label_scheme="brats-2023",
)

PROSTATE = Specification(
    family="prostate-zones",
    modalities=("T2", "ADC"),
    classes=(SegmentationClass("BACKGROUND", 0), SegmentationClass("PZ", 1), SegmentationClass("TZ", 2)),
    regions={"GLAND": ("PZ", "TZ"), "PZ": ("PZ",), "TZ": ("TZ",)},
    label_scheme="msd-task05",
)
"""Peripheral and transition zone, as task 5 of the Medical Segmentation Decathlon labels them."""

SPECIFICATIONS = {entry.family: entry for entry in (BRAIN_GLIOMA, PROSTATE)}
"""What can be trained by name."""
