"""Reads and normalises a study with nibabel and numpy, once per line of standard input; answers each with its time."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from cloe.inference.bundle import Bundle
from cloe.inference.pipeline import load_study
from cloe.inference.preprocess import crop_and_normalise
from cloe.inference.study import find_scans


def main() -> None:
    """Answer until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--study", type=Path, required=True)
    chosen = parser.parse_args()

    bundle = Bundle(chosen.bundle)
    clip = float(bundle.manifest["normalisation"]["clip"])
    scans = find_scans(chosen.study)
    for _ in sys.stdin:
        start = time.perf_counter()
        volumes = load_study(scans, bundle.manifest["orientation"])
        crop = crop_and_normalise(
            [volumes[name].data for name in bundle.specification.modalities], bundle.window, clip
        )
        seconds = time.perf_counter() - start
        answer = {
            "seconds": seconds,
            "shape": list(crop.brain.shape),
            "meanAbsolute": [float(np.abs(channel).mean()) for channel in crop.volumes],
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
