"""Muon for the matrices, AdamW for the rest, and the learning rate over the steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nano_training.forward import has_fast_bf16

MUON_RATE = 0.02
ADAMW_RATE = 3e-3
FINAL_FACTOR = 0.02
_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Linear warm-up, a flat stretch, linear decay from ``decay_start`` to ``num_steps`` (steps)."""

    num_steps: int
    decay_start: int
    warmup_steps: int = 40

    def factor(self, step: int) -> float:
        """What the learning rates are multiplied with at ``step`` (from 0)."""
        warm = min(1.0, (step + 1) / self.warmup_steps)
        if step < self.decay_start:
            return warm
        left = (self.num_steps - step) / max(1, self.num_steps - self.decay_start)
        return warm * max(FINAL_FACTOR, left)


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised by Newton-Schulz, for all matrices of one shape at once.

    The update of ``torch.optim.Muon`` (Nesterov, rate times sqrt(max(1, rows / columns))), in bfloat16 only on
    processors that have units for it: elsewhere it is hundreds of times slower than float32.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.01) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update from the gradients; ``closure`` is not supported."""
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for param in group["params"]:
                by_shape[param.shape].append(param)
            for params in by_shape.values():
                self._update(params, group["lr"], group["momentum"], group["weight_decay"])

    def _update(self, params: list[Tensor], lr: float, momentum: float, weight_decay: float) -> None:
        directions = []
        for param in params:
            gradient = param.grad if param.grad is not None else torch.zeros_like(param)
            buffer: Tensor = self.state[param].setdefault("momentum", torch.zeros_like(param))
            buffer.lerp_(gradient, 1 - momentum)
            directions.append(gradient.lerp(buffer, momentum))
        dtype = torch.bfloat16 if has_fast_bf16() else torch.float32
        updates = orthogonalize(torch.stack(directions).to(dtype)).float()  # (matrices, rows, columns)
        rows, columns = params[0].shape
        for param, update in zip(params, updates, strict=True):
            param.mul_(1 - lr * weight_decay)
            param.add_(update, alpha=-lr * max(1.0, rows / columns) ** 0.5)


def orthogonalize(matrices: Tensor) -> Tensor:
    """About U V^T of the singular value decompositions, by five Newton-Schulz steps. (matrices, rows, columns)"""
    is_tall = matrices.shape[-2] > matrices.shape[-1]
    x: Tensor = matrices.mT if is_tall else matrices
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    a, b, c = _NEWTON_SCHULZ
    for _ in range(5):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if is_tall else x


@dataclass(frozen=True, slots=True)
class Optimizers:
    """The two optimizers of a model."""

    muon: Muon
    adamw: torch.optim.AdamW

    @classmethod
    def for_model(cls, model: nn.Module) -> Optimizers:
        """Muon on every matrix except the embedding, AdamW on the embedding and the vectors."""
        named = list(model.named_parameters())
        matrices = [param for name, param in named if param.ndim == 2 and "embed" not in name]
        others = [param for name, param in named if param.ndim != 2 or "embed" in name]
        return cls(
            Muon(matrices, MUON_RATE), torch.optim.AdamW(others, ADAMW_RATE, betas=(0.9, 0.95), weight_decay=0.0)
        )

    def step(self, factor: float) -> None:
        """One update of all parameters with the rates times ``factor``."""
        for optimizer, rate in ((self.muon, MUON_RATE), (self.adamw, ADAMW_RATE)):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
            optimizer.step()

    def state(self) -> dict[str, Any]:
        """What ``load`` needs."""
        return {"muon": self.muon.state_dict(), "adamw": self.adamw.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state that ``state`` gave."""
        self.muon.load_state_dict(state["muon"])
        self.adamw.load_state_dict(state["adamw"])
