"""Read a model bundle and run its graphs with ONNX Runtime."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from cloe.specification import SegmentationClass, Specification, subset_name

MANIFEST = "manifest.json"
GRAPHS = "graphs"
WEIGHTS = "graphs/weights.bin"
ORACLE = "oracle/masked.onnx"
SUPPORTED_FORMAT = 1

CONSISTENCY = "consistency"
WHOLE_CROP = "whole-crop"
SMALL_WINDOW = "small-window"


def graph_file(modalities: Sequence[str], use: str | None = None, shape: Sequence[int] = ()) -> str:
    """Path of a subset's graph inside the bundle; ``use`` and ``shape`` tell those apart that are there on request."""
    name = subset_name(modalities)
    if use == CONSISTENCY:
        name += f".{use}"
    elif use is not None:
        name += f".{use}-{'x'.join(str(size) for size in shape)}"
    return f"{GRAPHS}/{name}.onnx"


class BundleError(ValueError):
    """A bundle that must not be used."""


class Bundle:
    """A model bundle; sessions are opened on first use and kept.

    Parameters
    ----------
    folder
        The bundle's directory.
    threads
        Threads per run; 0 lets ONNX Runtime choose.
    """

    def __init__(self, folder: Path, threads: int = 0) -> None:
        self.folder = folder
        self.manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        if self.manifest["formatVersion"] != SUPPORTED_FORMAT:
            raise BundleError(f"format {self.manifest['formatVersion']} is not supported")
        self.threads = threads
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}

    @property
    def specification(self) -> Specification:
        """Modalities, classes and regions."""
        return Specification(
            family=self.manifest["family"],
            modalities=tuple(self.manifest["modalities"]),
            classes=tuple(SegmentationClass(entry["name"], entry["label"]) for entry in self.manifest["classes"]),
            regions={name: tuple(members) for name, members in self.manifest["regions"].items()},
            label_scheme=self.manifest["labelScheme"],
        )

    @property
    def window(self) -> tuple[int, int, int]:
        """Voxels (z, y, x) of every graph's input."""
        z, y, x = self.manifest["window"]
        return z, y, x

    def digest(self) -> str:
        """Digest of the whole model: SHA-256 of the manifest, which holds those of all other files."""
        return hashlib.sha256((self.folder / MANIFEST).read_bytes()).hexdigest()

    def check_files(self) -> None:
        """Compare every file with the manifest.

        Raises
        ------
        BundleError
            If a file lacks, is not listed, or differs.
        """
        listed = self.manifest["files"]
        found = {
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if path.is_file() and path != self.folder / MANIFEST
        }
        if found != set(listed):
            raise BundleError(f"files differ from the manifest: {sorted(found ^ set(listed))}")
        for name, expected in listed.items():
            content = (self.folder / name).read_bytes()
            if len(content) != expected["bytes"] or hashlib.sha256(content).hexdigest() != expected["sha256"]:
                raise BundleError(f"{name} does not match its digest")

    def run(self, modalities: Sequence[str], volumes: np.ndarray) -> dict[str, np.ndarray]:
        """Run the graph of a subset.

        Parameters
        ----------
        modalities
            In bundle order.
        volumes
            float32 ``[1, k, z, y, x]``, normalised, of the bundle's window size.

        Returns
        -------
        dict
            Outputs by tensor name; the gate's outputs only for graphs that compute it.
        """
        return self.run_graph(self._graph(modalities), volumes)

    def run_graph(self, entry: Mapping[str, Any], volumes: np.ndarray) -> dict[str, np.ndarray]:
        """Run a graph of the manifest's lists, as :meth:`run` does."""
        if entry["file"] not in self._sessions:
            options = self._options()
            if entry.get("use") == WHOLE_CROP:
                # Gigabytes, which every subset's session would keep for itself, and a pattern would take twice.
                options.enable_cpu_mem_arena = options.enable_mem_pattern = False
            self._sessions[entry["file"]] = onnxruntime.InferenceSession(
                str(self.folder / entry["file"]), options, providers=["CPUExecutionProvider"]
            )
        return _outputs(self._sessions[entry["file"]], {"volumes": volumes})

    def extra_graphs(self, use: str, modalities: Sequence[str]) -> list[Mapping[str, Any]]:
        """Graphs of a subset that are there on request, the smallest window first."""
        entries = self.manifest.get("extraGraphs", ())
        fitting = [entry for entry in entries if entry["use"] == use and entry["modalities"] == list(modalities)]
        return sorted(fitting, key=lambda entry: math.prod(entry["window"]))

    def gate(self, modalities: Sequence[str]) -> str:
        """Where a subset's weights come from: ``computed``, ``fixed`` or ``none``."""
        return self._graph(modalities)["gate"]

    def fixed_weights(self, modalities: Sequence[str]) -> np.ndarray:
        """Weights of modalities whose graph answers none: equal ones, unless the model prefers some of them."""
        equal = [1.0 / len(modalities)] * len(modalities)
        return np.array(self._graph(modalities).get("weights", equal), np.float64)

    def _graph(self, modalities: Sequence[str]) -> dict[str, Any]:
        entry = next((graph for graph in self.manifest["graphs"] if graph["modalities"] == list(modalities)), None)
        if entry is None:
            raise BundleError(f"no graph for {list(modalities)}; modalities go in bundle order")
        return entry

    def run_oracle(self, volumes: np.ndarray, available: np.ndarray) -> dict[str, np.ndarray]:
        """Run the masked graph on ``[1, K, z, y, x]`` and a float mask ``[1, K]``."""
        if ORACLE not in self._sessions:
            options = self._options()
            # The oracle lies in another folder than the weights it shares with the served graphs.
            options.add_session_config_entry(
                "session.model_external_initializers_file_folder_path", str((self.folder / WEIGHTS).parent)
            )
            self._sessions[ORACLE] = onnxruntime.InferenceSession(
                (self.folder / ORACLE).read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        return _outputs(self._sessions[ORACLE], {"volumes": volumes, "available": available})

    def _options(self) -> onnxruntime.SessionOptions:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3
        return options


def _outputs(session: onnxruntime.InferenceSession, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))
