"""Checkpoints: everything that the next step depends on, written so that a kill at any moment loses none."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """State after ``step`` steps.

    Attributes:
        settings: what must be the same on resume (model shape, seed, batch size, form of the meta-prompts).
        model, optimizers: state dictionaries.
        tokens_seen: trained tokens so far, padding not counted.
        seconds: time spent training so far, over all runs.
        schedule: decay start and number of steps in force when this was written.
    """

    step: int
    settings: dict[str, Any]
    model: dict[str, Any]
    optimizers: dict[str, Any]
    tokens_seen: int
    seconds: float
    schedule: dict[str, int]


def save_checkpoint(folder: Path, checkpoint: Checkpoint, *, keep: int = 2) -> Path:
    """Write ``step-N.pt`` by way of a temporary file; then drop all but the ``keep`` newest."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{checkpoint.step:06d}.pt"
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        torch.save({name: getattr(checkpoint, name) for name in Checkpoint.__slots__}, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    for old in _all(folder)[:-keep]:
        old.unlink()
    return path


def load_newest(folder: Path) -> Checkpoint | None:
    """The newest whole checkpoint, or None."""
    paths = _all(folder)
    return Checkpoint(**torch.load(paths[-1], weights_only=True)) if paths else None


def check_settings(checkpoint: Checkpoint, settings: dict[str, Any]) -> None:
    """Refuse to go on with other settings.

    Raises:
        ValueError: names the settings that differ.
    """
    changed = [name for name, value in settings.items() if checkpoint.settings.get(name) != value]
    if changed:
        raise ValueError(
            f"the checkpoint at step {checkpoint.step} was made with other settings ({', '.join(changed)}): "
            "use the same ones, another folder, or --fresh"
        )


def settings_of(*parts: Any) -> dict[str, Any]:
    """The fields of frozen dataclasses as one flat dictionary."""
    return {name: value for part in parts for name, value in asdict(part).items()}


def _all(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.pt"))
