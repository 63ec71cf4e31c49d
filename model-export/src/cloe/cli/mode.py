"""Options that say how studies are segmented, for the commands that do."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloe.inference.pipeline import Mode


def add_mode(parser: argparse.ArgumentParser) -> None:
    """Add ``--whole-crop``, ``--no-whole-crop`` and ``--pair-consistency``."""
    parser.add_argument(
        "--whole-crop",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="no windows, where the bundle has a graph for it (the default)",
    )
    parser.add_argument(
        "--pair-consistency", action="store_true", help="consistency of two modalities, where the bundle has a graph"
    )


def mode_of(chosen: argparse.Namespace) -> Mode:
    """What the options say."""
    from cloe.inference.pipeline import Mode

    return Mode(chosen.whole_crop, chosen.pair_consistency)
