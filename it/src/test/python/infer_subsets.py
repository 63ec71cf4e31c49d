"""Reference answers of the Python package for subsets of a study's modalities, in one process.

Writes OUT/SUBSET/mask.nii.gz and OUT/SUBSET/result.json, with SUBSET such as ``T1+FLAIR``, in bundle order.
"""

from __future__ import annotations

import argparse
import json
from itertools import combinations
from pathlib import Path

from cloe.inference.bundle import Bundle
from cloe.inference.pipeline import segment_files
from cloe.inference.study import find_scans


def main() -> None:
    """Segment one study with every subset, or with those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--study", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--subset", action="append", metavar="T1+FLAIR", help="may be repeated; every subset by default")
    chosen = parser.parse_args()

    bundle = Bundle(chosen.bundle)
    modalities = bundle.specification.modalities
    scans = find_scans(chosen.study)
    every = ["+".join(s) for size in range(len(modalities)) for s in combinations(modalities, size + 1)]
    for subset in chosen.subset or every:
        target = chosen.out / subset
        target.mkdir(parents=True)
        result = segment_files(bundle, {name: scans[name] for name in subset.split("+")}, target / "mask.nii.gz")
        (target / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
