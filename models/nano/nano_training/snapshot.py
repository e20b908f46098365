"""``python -m nano_training.snapshot``: exports the newest checkpoint while training goes on."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from tokenizers import Tokenizer

from nano_training.checkpoints import load_newest
from nano_training.export import export_model
from nano_training.facts import Facts
from nano_training.model import ModelShape, build_model
from nano_training.paths import CHECKPOINT_DIR, FACTS_FILE, MODEL_DIR


def main(arguments: list[str] | None = None) -> None:
    """Export; exits with a message when there is no checkpoint."""
    parser = argparse.ArgumentParser(prog="nano_training.snapshot", description=__doc__)
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINT_DIR)
    parser.add_argument("--output", type=Path, default=MODEL_DIR)
    options = parser.parse_args(arguments)
    checkpoint = load_newest(options.checkpoints)
    if checkpoint is None:
        raise SystemExit(f"no checkpoint in {options.checkpoints}: train first")
    tokenizer = Tokenizer.from_file(str(options.checkpoints / "tokenizer.json"))
    shape = ModelShape(**{field.name: checkpoint.settings[field.name] for field in fields(ModelShape)})
    model = build_model(shape, tokenizer.get_vocab_size(), seed=0)
    model.load_state_dict(checkpoint.model)
    export_model(options.output, model, tokenizer)
    Facts.of(checkpoint).write(options.output / FACTS_FILE.relative_to(MODEL_DIR))
    print(f"exported step {checkpoint.step} to {options.output}")


if __name__ == "__main__":
    main()
