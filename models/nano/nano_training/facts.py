"""How weights came to be: the facts that a card states, stored beside the weights when they are exported."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import transformers
from safetensors import safe_open

from nano_training.checkpoints import Checkpoint
from nano_training.forward import has_fast_bf16


@dataclass(frozen=True, slots=True)
class Facts:
    """What a training run was. ``dtype`` is that of the products; weights and updates are float32."""

    seed: int
    steps: int
    decay_start: int
    batch_tokens: int
    tokens: int
    seconds: int
    threads: int
    dtype: str
    fingerprint: str
    torch: str
    transformers: str

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Facts:
        """The facts of the run that wrote a checkpoint, taken on the machine that trained."""
        return cls(
            seed=checkpoint.settings["seed"],
            steps=checkpoint.step,
            decay_start=checkpoint.schedule["decay_start"],
            batch_tokens=checkpoint.settings["batch_tokens"],
            tokens=checkpoint.tokens_seen,
            seconds=round(checkpoint.seconds),
            threads=torch.get_num_threads(),
            dtype="bfloat16" if has_fast_bf16() else "float32",
            fingerprint=checkpoint.settings["meta_prompt_fingerprint"],
            torch=torch.__version__,
            transformers=transformers.__version__,
        )

    @classmethod
    def read(cls, path: Path) -> Facts:
        """From a JSON file."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """To a JSON file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def num_parameters(folder: Path) -> int:
    """Parameters in the exported weights (the tied embedding counted once)."""
    with safe_open(folder / "model.safetensors", framework="pt") as weights:
        return sum(weights.get_tensor(name).numel() for name in weights.keys())  # noqa: SIM118
