"""How long a bundle's network takes in PyTorch, to compare its graphs with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Literal

import torch

from cloe.export.restore import restore_network
from cloe.inference.bundle import Bundle
from cloe.specification import subsets

Precision = Literal["float32", "float16"]


@dataclass(frozen=True)
class WindowTime:
    """Milliseconds of one window of a subset: the median of the runs, the answer's copy to the host included."""

    modalities: tuple[str, ...]
    milliseconds: float


def window_times(
    bundle: Bundle,
    device: str = "cpu",
    precision: Precision = "float32",
    runs: int = 10,
) -> Iterator[WindowTime]:
    """Time one window of noise per subset, with channels last, after a first run that is not counted.

    What is computed is what the graphs compute: the experts of one or two modalities are left out. In float32
    TensorFloat-32 is off.

    Parameters
    ----------
    bundle
        In full precision, with its oracle graph, from which the network is rebuilt.
    device
        ``cpu`` or a CUDA device.
    precision
        ``float16`` convolves in it, with sums and the gate in float32.
    runs
        Windows per subset, at least 1.

    Yields
    ------
    WindowTime
        Subset by subset.

    Raises
    ------
    ValueError
        If the device is not there, or the bundle refuses to be rebuilt.
    """
    if device.split(":")[0] not in ("cpu", "cuda"):
        raise ValueError(f"device {device} is unknown; allowed are cpu and cuda:N")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"PyTorch finds no CUDA device for {device}")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    network = restore_network(bundle).to(device, memory_format=torch.channels_last_3d)
    names = bundle.specification.modalities
    for subset in subsets(len(names)):
        window = torch.randn(1, len(subset), *bundle.window, generator=torch.Generator().manual_seed(1))
        times = []
        for _ in range(runs + 1):
            start = time.perf_counter()
            with torch.inference_mode(), torch.autocast(device.split(":")[0], torch.float16, precision == "float16"):
                given = window.to(device).to(memory_format=torch.channels_last_3d)
                # The copy waits for the device.
                network.forward_subset(given, subset, shortcut=True).probabilities.cpu()
            times.append(1000.0 * (time.perf_counter() - start))
        yield WindowTime(tuple(names[m] for m in subset), median(times[1:]))
