"""``python -m nano_training.card``: writes the model card from the newest checkpoint and a stored evaluation."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from string import Template

import torch
import transformers
from safetensors import safe_open

from nano_training.checkpoints import Checkpoint, load_newest
from nano_training.evaluate import Evaluation, table
from nano_training.paths import CHECKPOINT_DIR, MODEL_DIR


def main(arguments: list[str] | None = None) -> None:
    """Fill in the card's template; exits with a message when there is no checkpoint."""
    options = _parser().parse_args(arguments)
    checkpoint = load_newest(options.checkpoints)
    if checkpoint is None:
        raise SystemExit(f"no checkpoint in {options.checkpoints}: train first")
    evaluation = Evaluation.from_dict(json.loads(options.evaluation.read_text(encoding="utf-8")))
    template = Template((Path(__file__).parent / "card_template.md").read_text(encoding="utf-8"))
    values = card_values(checkpoint, evaluation, num_parameters(options.model), options.machine)
    (options.model / "README.md").write_text(template.substitute(values), encoding="utf-8")


def card_values(checkpoint: Checkpoint, evaluation: Evaluation, parameters: int, machine: str) -> dict[str, object]:
    """What the template's names stand for."""
    return {
        "parameters": parameters,
        "fingerprint": checkpoint.settings["meta_prompt_fingerprint"],
        "tokens": checkpoint.tokens_seen,
        "steps": checkpoint.step,
        "decay_start": checkpoint.schedule["decay_start"],
        "batch_tokens": checkpoint.settings["batch_tokens"],
        "seed": checkpoint.settings["seed"],
        "seconds": round(checkpoint.seconds),
        "machine": machine,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "evaluation_seed": evaluation.seed,
        "table": table(evaluation),
    }


def num_parameters(folder: Path) -> int:
    """Parameters in the exported weights (the tied embedding counted once)."""
    with safe_open(folder / "model.safetensors", framework="pt") as weights:
        return sum(weights.get_tensor(name).numel() for name in weights.keys())  # noqa: SIM118


def read_front_matter(card: str) -> dict[str, str]:
    """The ``name: value`` lines between the card's first two rules, as texts."""
    lines = card.split("---\n")[1].splitlines()
    return dict(line.split(": ", 1) for line in lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nano_training.card", description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL_DIR)
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINT_DIR)
    parser.add_argument("--evaluation", type=Path, default=CHECKPOINT_DIR / "evaluation.json")
    parser.add_argument("--machine", default="2 CPU cores", help="what it was trained on, in plain words")
    return parser


if __name__ == "__main__":
    main()
