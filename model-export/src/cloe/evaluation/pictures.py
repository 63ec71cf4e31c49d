"""Pictures of an evaluation: slices with outlines, and weights against the strength of a corruption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cloe.evaluation.studies import LabelledStudy

CLASS_COLOURS = ("#d62728", "#2ca02c", "#ffbf00", "#1f77b4", "#9467bd")
"""Of the classes after the background, by channel."""

BRIGHTEST = 99.5
"""Percentile of the brain's intensities that is painted white."""


def fullest_slice(truth: np.ndarray) -> int:
    """The z with most labelled voxels; the middle one without any."""
    counts = (truth > 0).sum((1, 2))
    return int(counts.argmax()) if counts.any() else truth.shape[0] // 2


class SlicePicture:
    """One study: every modality with the truth's outlines, then the predictions of some subsets.

    Parameters
    ----------
    study
        The study.
    classes
        Names by channel, background first.
    """

    def __init__(self, study: LabelledStudy, classes: Sequence[str]) -> None:
        self.study = study
        self.classes = classes
        self.predicted: dict[str, np.ndarray] = {}
        self._z = fullest_slice(study.truth)

    def add(self, subset: str, channels: np.ndarray) -> None:
        """Keep a subset's prediction for the picture."""
        self.predicted[subset] = channels[self._z].copy()

    def save(self, path: Path) -> None:
        """Write a PNG."""
        names = list(self.study.volumes)
        columns = max(len(names), len(self.predicted), 1)
        figure = Figure(figsize=(2.2 * columns, 5.0), dpi=80, layout="constrained")
        axes = figure.subplots(2, columns, squeeze=False)
        for axis in axes.flat:
            axis.set_axis_off()
        for axis, name in zip(axes[0], names, strict=False):
            self._paint(axis, name, self.study.truth[self._z], f"{name}, truth")
        for axis, (subset, channels) in zip(axes[1], self.predicted.items(), strict=False):
            # Beneath the outlines lies the last modality that was used: it is the one that was looked at.
            self._paint(axis, subset.split("+")[-1], channels, subset)
        handles = [
            figure.axes[0].plot([], [], color=colour, label=name)[0]
            for name, colour in zip(self.classes[1:], CLASS_COLOURS, strict=False)
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Software": None})

    def _paint(self, axis: Axes, modality: str, channels: np.ndarray, title: str) -> None:
        volume = self.study.volumes[modality]
        brain = volume[volume != 0]
        white = float(np.percentile(brain, BRIGHTEST)) if brain.size else 1.0
        axis.imshow(volume[self._z], cmap="gray", vmin=0, vmax=white)
        for channel, colour in zip(range(1, len(self.classes)), CLASS_COLOURS, strict=False):
            if (channels == channel).any():
                axis.contour(channels == channel, levels=[0.5], colors=[colour], linewidths=1.0)
        axis.set_title(title, fontsize=8)


def save_corruption_picture(
    path: Path, curves: Mapping[str, Mapping[str, Sequence[float]]], strengths: Sequence[float], uniform: float
) -> None:
    """Weight of the spoilt modality against the strength, one panel per kind of corruption.

    Parameters
    ----------
    path
        PNG to write.
    curves
        Kind of corruption to modality to one mean weight per strength.
    strengths
        In [0, 1].
    uniform
        Weight without any preference, drawn as a line.
    """
    figure = Figure(figsize=(2.6 * len(curves), 2.8), dpi=80, layout="constrained")
    axes = figure.subplots(1, len(curves), squeeze=False, sharey=True)[0]
    for axis, (kind, by_modality) in zip(axes, curves.items(), strict=True):
        axis.axhline(uniform, color="0.7", linewidth=1.0, linestyle="--")
        for name, weights in by_modality.items():
            axis.plot(strengths, weights, marker="o", markersize=3, label=name)
        axis.set_title(kind, fontsize=9)
        axis.set_xlabel("strength", fontsize=8)
    axes[0].set_ylabel("weight of the spoilt modality", fontsize=8)
    axes[0].set_ylim(bottom=0.0)
    axes[-1].legend(fontsize=7, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
