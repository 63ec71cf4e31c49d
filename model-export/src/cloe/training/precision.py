"""Half precision where the device has it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor


def cpu_has_bfloat16() -> bool:
    """Whether the processor multiplies in bfloat16; elsewhere PyTorch would imitate it, slower than float32."""
    capable = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(capable is not None and capable())


class Precision:
    """Autocast and, for float16, loss scaling.

    Parameters
    ----------
    device
        ``cpu`` or ``cuda``, without a number.
    kind
        Of the convolutions; ``None`` for full precision.
    """

    def __init__(self, device: str, kind: torch.dtype | None) -> None:
        self._device, self._kind = device, kind
        self._scaler = torch.amp.GradScaler(device) if kind is torch.float16 else None

    @classmethod
    def of(cls, device: str, half: bool) -> Precision:
        """The fastest precision that a device has, or full precision where ``half`` is false."""
        kind = device.split(":")[0]
        if not half:
            return cls(kind, None)
        if kind == "cuda":
            return cls(kind, torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)
        return cls(kind, torch.bfloat16 if cpu_has_bfloat16() else None)

    @property
    def name(self) -> str:
        """For people."""
        return "float32" if self._kind is None else str(self._kind).removeprefix("torch.")

    def autocast(self) -> AbstractContextManager:
        """Context of a forward pass."""
        return torch.autocast(self._device, self._kind or torch.bfloat16, enabled=self._kind is not None)

    def scale(self, loss: Tensor) -> Tensor:
        """Lift a loss so that small gradients survive float16."""
        return loss if self._scaler is None else self._scaler.scale(loss)

    def unscale(self, optimiser: torch.optim.Optimizer) -> None:
        """Undo the lift in the gradients."""
        if self._scaler is not None:
            self._scaler.unscale_(optimiser)

    def advance(self, optimiser: torch.optim.Optimizer, finite: bool) -> None:
        """Take the optimiser's step unless a gradient is not finite."""
        if self._scaler is not None:
            # It knows from unscale whether to step, and lowers its factor where not.
            self._scaler.step(optimiser)
            self._scaler.update()
        elif finite:
            optimiser.step()

    def state(self) -> dict[str, Any]:
        """To keep in a checkpoint."""
        return {} if self._scaler is None else self._scaler.state_dict()

    def load(self, state: dict[str, Any] | None) -> None:
        """Restore what :meth:`state` gave."""
        if self._scaler is not None and state:
            self._scaler.load_state_dict(state)
