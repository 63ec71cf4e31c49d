"""What a run tells while it lasts: lines with the time left, a CSV log, optionally TensorBoard."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

SMOOTHING = 0.3
"""Weight of the newest interval in the pace, so that the time left follows a machine that gets busier."""


class Pace:
    """Seconds per step and time left, from the steps of this call only.

    Parameters
    ----------
    steps
        Last step of the run.
    clock
        Seconds that only grow.
    """

    def __init__(self, start: int, steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._steps, self._clock = steps, clock
        self._step, self._time = start, clock()
        self.seconds_per_step = 0.0

    def reached(self, step: int) -> None:
        """Note that a step is done."""
        now = self._clock()
        newest = (now - self._time) / max(1, step - self._step)
        known = self.seconds_per_step > 0.0
        self.seconds_per_step += (SMOOTHING if known else 1.0) * (newest - self.seconds_per_step)
        self._step, self._time = step, now

    @property
    def left(self) -> str:
        """Time left, as hours and minutes."""
        minutes = round(self.seconds_per_step * (self._steps - self._step) / 60.0)
        return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


class TrainingLog:
    """Means of the loss and its parts over some steps, to ``log.csv``, the console and TensorBoard.

    Parameters
    ----------
    folder
        Of the run.
    resumed_at
        Rows beyond this step are dropped: an interrupted run had logged them, and they are done again.
    tensorboard
        Also write event files to ``folder/tensorboard``; needs the package ``tensorboard``.
    """

    def __init__(self, folder: Path, resumed_at: int, tensorboard: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "log.csv"
        kept = self._rows_until(resumed_at)
        self._stream = self._path.open("w", newline="")
        self._writer = csv.writer(self._stream)
        self._writer.writerows(kept)
        self._stream.flush()
        self._fresh = not kept
        self._sums: dict[str, float] = {}
        self._counted = 0
        self._events = _summary_writer(folder / "tensorboard", resumed_at) if tensorboard else None

    def add(self, parts: Mapping[str, float]) -> None:
        """Count the parts of one step."""
        self._counted += 1
        for name, value in parts.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    def write(self, step: int, rate: float, pace: Pace, steps: int) -> None:
        """Write the means since the last call."""
        means = {name: value / self._counted for name, value in self._sums.items()}
        if self._fresh:
            self._writer.writerow(["step", "rate", *means])
            self._fresh = False
        self._writer.writerow([step, f"{rate:.3g}", *(f"{value:.4f}" for value in means.values())])
        self._stream.flush()
        if self._events is not None:
            for name, value in {"rate": rate, **means}.items():
                self._events.add_scalar(name, value, step)
        shown = " ".join(f"{name} {value:.3f}" for name, value in means.items())
        print(f"step {step}/{steps} {shown} | {pace.seconds_per_step:.2f} s/step, {pace.left} left", flush=True)
        self._sums, self._counted = {}, 0

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        if self._events is not None:
            self._events.close()

    def _rows_until(self, step: int) -> list[list[str]]:
        if step == 0 or not self._path.exists():
            return []
        with self._path.open(newline="") as stream:
            rows = list(csv.reader(stream))
        return [row for row in rows if row and (row[0] == "step" or int(row[0]) <= step)]


def _summary_writer(folder: Path, resumed_at: int) -> object:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as missing:
        raise ValueError("tensorboard = true needs the package tensorboard: pip install tensorboard") from missing
    return SummaryWriter(str(folder), purge_step=resumed_at)
