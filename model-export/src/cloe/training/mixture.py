"""Where a run's cases come from: one or several pools, fixed or moving on while the run lasts."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from cloe.training.pool import PoolCase, is_complete, load_case, load_pool, remove_case

POLL_SECONDS = 0.05
AHEAD = 16
"""Cases that the second process may be ahead of the run."""


class CaseSource(Protocol):
    """Cases as a run asks for them."""

    def at(self, step: int) -> Sequence[PoolCase]:
        """Cases that may be drawn in a step; the same for the same step, whenever it is run."""


class FixedPool:
    """All cases of a folder, in every step."""

    def __init__(self, folder: Path) -> None:
        self._cases = load_pool(folder)

    def at(self, step: int) -> Sequence[PoolCase]:
        """All cases."""
        return self._cases


class MovingPool:
    """Phantoms made ahead by a second process: every ``refresh`` steps the oldest case makes room for a new one.

    In step ``s`` the cases ``s // refresh`` to ``s // refresh + size - 1`` are drawn from, whatever the pace of the
    process: the run waits where a case is not there yet. An interrupted run resumes with the same cases.

    Parameters
    ----------
    folder
        Where the cases lie.
    size
        How many are in use at a time.
    refresh
        Steps between two new cases.
    make
        Makes the case of an index in a folder; runs in the second process, so it must be importable.
    """

    def __init__(self, folder: Path, size: int, refresh: int, make: Callable[[Path, int], None]) -> None:
        if size < 1 or refresh < 1:
            raise ValueError("a moving pool needs a size and a number of steps between cases of at least 1")
        self._folder, self._size, self._refresh, self._make = folder, size, refresh, make
        self._loaded: dict[int, PoolCase] = {}
        self._process: multiprocessing.process.BaseProcess | None = None
        # Spawned, not forked: a fork of a process whose threads compute may never return.
        context = multiprocessing.get_context("spawn")
        self._first = context.Value("q", -1)
        self._context = context

    def at(self, step: int) -> Sequence[PoolCase]:
        """Cases of a step; waits until the second process has made them.

        Raises
        ------
        RuntimeError
            If that process ended.
        """
        first = step // self._refresh
        self._first.value = first
        if self._process is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            arguments = (self._folder, self._size + AHEAD, self._first, self._make)
            self._process = self._context.Process(target=_make_ahead, args=arguments, daemon=True)
            self._process.start()
        for index in [index for index in self._loaded if index < first]:
            del self._loaded[index]
            remove_case(self._folder, index)
        for index in range(first, first + self._size):
            if index not in self._loaded:
                self._wait_for(index)
                self._loaded[index] = load_case(self._folder, index)
        return [self._loaded[index] for index in range(first, first + self._size)]

    def close(self) -> None:
        """End the second process; the cases that it made stay for the next run."""
        if self._process is not None:
            self._process.terminate()
            self._process.join()
            self._process = None

    def _wait_for(self, index: int) -> None:
        while not is_complete(self._folder, index):
            if not self._process.is_alive():
                raise RuntimeError("the process that makes cases ahead has ended; its error stands above")
            time.sleep(POLL_SECONDS)


def _make_ahead(folder: Path, count: int, first: object, make: Callable[[Path, int], None]) -> None:
    while True:
        start = first.value
        missing = next((i for i in range(start, start + count) if not is_complete(folder, i)), None)
        if missing is None:
            time.sleep(POLL_SECONDS)
        else:
            make(folder, missing)


@dataclass(frozen=True)
class Share:
    """A source and how often a patch comes from it, relative to the other sources.

    Attributes
    ----------
    patch
        (z, y, x) voxels of every patch from this source, in the place of the plan's; ``None`` for the plan's.
    """

    source: CaseSource
    share: float = 1.0
    patch: tuple[int, int, int] | None = None


def choose(random: np.random.Generator, shares: Sequence[Share]) -> Share:
    """Draw the source of one patch; nothing is drawn where there is one source only."""
    if len(shares) == 1:
        return shares[0]
    weights = np.array([entry.share for entry in shares], np.float64)
    return shares[int(random.choice(len(shares), p=weights / weights.sum()))]
