"""Write a model bundle as ``BUNDLE.md`` describes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx

from cloe import __version__
from cloe.export.card import model_card
from cloe.export.golden import golden_entry, golden_input
from cloe.export.graphs import SHORTCUT_SIZE, gate_of, masked_graph, pair_graph, prepare, subset_graph, whole_crop_graph
from cloe.export.memory import activation_mib
from cloe.export.traces import SharedTraces
from cloe.export.weights import share_weights
from cloe.inference.bundle import (
    CONSISTENCY,
    GRAPHS,
    MANIFEST,
    ORACLE,
    SMALL_WINDOW,
    WEIGHTS,
    WHOLE_CROP,
    Bundle,
    graph_file,
)
from cloe.model.build import Network
from cloe.specification import BRAIN_GLIOMA, Specification, subsets

FORMAT_VERSION = 1

EXPORTERS = {CONSISTENCY: pair_graph, WHOLE_CROP: whole_crop_graph, SMALL_WINDOW: subset_graph}


@dataclass(frozen=True)
class BundleDescription:
    """What a bundle says about itself besides its weights.

    Parameters
    ----------
    identifier, version
        Of the model.
    window
        (z, y, x) voxels, multiples of 8.
    spacing_mm
        Smallest and largest voxel size seen in training.
    training
        Free-form: data, seed, steps; ``notes`` is a list of sentences for the card.
    measured
        Free-form: results with the data they were measured on.
    pair_consistency
        Whether pairs of modalities also get a graph that computes their consistency.
    whole_crop
        Shapes (z, y, x) that crops may also be segmented in at once, multiples of 8.
    small_window
        Shape of the windows to go on with when a device has no memory for the usual ones.
    """

    specification: Specification = BRAIN_GLIOMA
    identifier: str = "cloe-w8"
    version: str = "1.0.0"
    window: tuple[int, int, int] = (64, 64, 64)
    overlap: float = 0.5
    spacing_mm: tuple[float, float] = (0.9, 2.6)
    orientation: str = "LPS"
    clip: float = 5.0
    training: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)
    pair_consistency: bool = False
    whole_crop: tuple[tuple[int, int, int], ...] = ()
    small_window: tuple[int, int, int] | None = None


def description_of(bundle: Bundle) -> BundleDescription:
    """What the bundle says about itself, without what was measured of it."""
    manifest = bundle.manifest
    return BundleDescription(
        specification=bundle.specification,
        identifier=manifest["id"],
        version=manifest["version"],
        window=bundle.window,
        overlap=float(manifest["overlap"]),
        spacing_mm=(float(manifest["spacingMm"]["min"]), float(manifest["spacingMm"]["max"])),
        orientation=manifest["orientation"],
        clip=float(manifest["normalisation"]["clip"]),
        training=manifest["training"],
    )


def write_bundle(network: Network, folder: Path, description: BundleDescription) -> None:
    """Export every subset, the oracle, the shared weights, the golden window, the card and the manifest.

    Parameters
    ----------
    network
        Trained network whose counts fit the description's specification.
    folder
        Target; files of an older bundle there are replaced.
    """
    specification = description.specification
    if network.configuration.modalities != len(specification.modalities):
        raise ValueError("network and specification differ in the number of modalities")
    if network.configuration.classes != len(specification.classes):
        raise ValueError("network and specification differ in the number of classes")
    prepared = prepare(network)
    traces = SharedTraces(prepared)
    models: dict[str, onnx.ModelProto] = {}
    graphs = []
    for subset in subsets(len(specification.modalities)):
        names = [specification.modalities[index] for index in subset]
        file = graph_file(names)
        models[file] = traces.graph(subset_graph, subset, description.window)
        graphs.append({"modalities": names, "file": file, "gate": gate_of(network, len(subset))})
        if network.configuration.modality_bias and graphs[-1]["gate"] == "fixed":
            graphs[-1]["weights"] = [round(float(share), 7) for share in network.fixed_weights(subset)]
    models[ORACLE] = masked_graph(prepared, description.window)
    extra = []
    for use, subset, shape in _extra(description, network.configuration.has_gate):
        names = [specification.modalities[index] for index in subset]
        file = graph_file(names, use, shape)
        models[file] = traces.graph(EXPORTERS[use], subset, shape)
        gate = "computed" if use == CONSISTENCY else gate_of(network, len(subset))
        extra.append({"use": use, "modalities": names, "window": list(shape), "file": file, "gate": gate})
        if use == WHOLE_CROP:
            extra[-1]["activationMib"] = activation_mib(models[file])
    block = share_weights(models.values(), Path(WEIGHTS).name)

    for name in (GRAPHS, str(Path(ORACLE).parent)):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes(block)
    for file, model in models.items():
        (folder / file).write_bytes(model.SerializeToString(deterministic=True))

    manifest = _manifest(description, graphs)
    if extra:
        manifest["extraGraphs"] = extra
    _store_manifest(folder, manifest)
    bundle = Bundle(folder)
    full = specification.modalities
    outputs = bundle.run(full, golden_input(len(full), description.window))
    fixed = bundle.fixed_weights(full)
    manifest["golden"] = golden_entry(full, description.window, outputs, fixed, network.configuration.has_gate)
    finish_bundle(folder, manifest)


def _extra(
    description: BundleDescription, has_gate: bool
) -> Iterator[tuple[str, tuple[int, ...], tuple[int, int, int]]]:
    """Use, subset and shape of every graph that is there on request."""
    everything = list(subsets(len(description.specification.modalities)))
    if description.pair_consistency and not has_gate:
        raise ValueError("a model without experts has no consistency to compute")
    if description.pair_consistency:
        yield from ((CONSISTENCY, subset, description.window) for subset in everything if len(subset) == SHORTCUT_SIZE)
    for shape in description.whole_crop:
        yield from ((WHOLE_CROP, subset, shape) for subset in everything)
    if description.small_window is not None:
        yield from ((SMALL_WINDOW, subset, description.small_window) for subset in everything)


def finish_bundle(folder: Path, manifest: dict[str, Any]) -> None:
    """Write the card and the manifest, with the digest of every other file."""
    (folder / "README.md").write_text(model_card(manifest))
    files = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST
    )
    manifest["files"] = {file: _digest(folder / file) for file in files}
    _store_manifest(folder, manifest)


def update_measured(folder: Path, measured: Mapping[str, Any]) -> None:
    """Put measured results into an existing bundle; its graphs and weights stay as they are."""
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["measured"] = {**manifest["measured"], **measured}
    finish_bundle(folder, manifest)


def _manifest(description: BundleDescription, graphs: list[dict[str, Any]]) -> dict[str, Any]:
    specification = description.specification
    return {
        "formatVersion": FORMAT_VERSION,
        "family": specification.family,
        "id": description.identifier,
        "version": description.version,
        "notForClinicalUse": True,
        "modalities": list(specification.modalities),
        "orientation": description.orientation,
        "window": list(description.window),
        "overlap": description.overlap,
        "spacingMm": {"min": description.spacing_mm[0], "max": description.spacing_mm[1]},
        "normalisation": {"method": "zscore-brain", "clip": description.clip},
        "classes": [
            {"index": index, "name": entry.name, "label": entry.label}
            for index, entry in enumerate(specification.classes)
        ],
        "labelScheme": specification.label_scheme,
        "regions": {name: list(members) for name, members in specification.regions.items()},
        "graphs": graphs,
        "golden": None,
        "measured": dict(description.measured),
        "training": {"code": f"cloe {__version__}", **description.training},
        "files": {},
    }


def _digest(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _store_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
