"""Segments studies one after the other with nibabel, numpy and onnxruntime, as each line of standard input asks.

The masks are written to files. With ``zeros``, missing scans are filled with zeros and the graph of all modalities runs, as a script
does that has one graph only; what it then says of a study is of no use, but its time is what such a script takes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from cloe.inference.bundle import Bundle
from cloe.inference.pipeline import load_study, mask_values, segment
from cloe.nifti import restore_order, save_volume


def run(bundle: Bundle, scans: dict[str, Path], mask_path: Path, zeros: bool) -> None:
    """Files to mask file."""
    orientation = bundle.manifest["orientation"]
    study = load_study(scans, orientation)
    volumes = {name: volume.data for name, volume in study.items()}
    first = next(iter(study.values()))
    if zeros:
        volumes = {name: volumes.get(name, np.zeros_like(first.data)) for name in bundle.specification.modalities}
    segmentation = segment(bundle, volumes)
    mask = restore_order(mask_values(bundle)[segmentation.channels], first, orientation)
    save_volume(mask_path, mask, first.original_affine, label=True)


def main() -> None:
    """Answer until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    bundle = Bundle(parser.parse_args().bundle)
    for line in sys.stdin:
        request = json.loads(line)
        start = time.perf_counter()
        for number, scans in enumerate(request["studies"]):
            paths = {name: Path(path) for name, path in scans.items()}
            run(bundle, paths, Path(request["out"]) / f"mask-{number}.nii.gz", request["zeros"])
        print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)


if __name__ == "__main__":
    main()
