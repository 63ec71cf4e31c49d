"""Whatever requirements.txt brings along is under a licence that somebody has looked at. Needs no network."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REQUIREMENTS = Path(__file__).parents[1] / "requirements.txt"

# SPDX names, and what packages write that do not use them yet.
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "MIT",
    "MIT-CMU",
    "PSF-2.0",
    "Zlib",
    "3-Clause BSD License",
    "Apache Software License",
    "BSD License",
    "MIT License",
    "Python Software Foundation License",
}


def distributions(requirements: list[str]) -> dict[str, importlib.metadata.Distribution]:
    """Return what is installed for these requirements, with all that those require in turn."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = [Requirement(line) for line in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        if name.startswith(("nvidia-", "cuda-")):
            continue  # NVIDIA's own terms; a GPU build of torch brings them, and nothing of them is handed on
        found[name] = importlib.metadata.distribution(name)
        waiting += [Requirement(line) for line in found[name].requires or []]
    return found


def allowed(distribution: importlib.metadata.Distribution) -> bool:
    metadata = distribution.metadata
    classifiers = [
        line.split(" :: ")[-1] for line in metadata.get_all("Classifier") or [] if line.startswith("License ::")
    ]
    expression = metadata.get("License-Expression")
    if not expression and classifiers:
        return set(classifiers) <= ALLOWED
    terms = re.split(r"\s+AND\s+", expression or metadata.get("License") or "none declared")
    return all(any(name in ALLOWED for name in re.split(r"\s+OR\s+", term.strip("() "))) for term in terms)


def pinned() -> list[str]:
    lines = (line.strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def test_should_use_only_licences_that_were_looked_at():
    found = distributions(pinned())

    assert {name for name, distribution in found.items() if not allowed(distribution)} == set()
    assert {"torch", "numpy", "typing-extensions"} <= found.keys()


def test_should_pin_every_requirement_so_that_scanners_know_the_version():
    assert [line for line in pinned() if "==" not in line] == []
