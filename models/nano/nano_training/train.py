"""``python -m nano_training.train``: trains nano, or goes on where a stopped run left off."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch
from tokenizers import Tokenizer

from nano_training.corpus import CorpusConfig, draw_texts
from nano_training.export import export_model
from nano_training.facts import Facts
from nano_training.forward import has_fast_bf16
from nano_training.model import ModelShape
from nano_training.optimizers import Schedule
from nano_training.paths import CHECKPOINT_DIR, FACTS_FILE, MODEL_DIR
from nano_training.tokenizer import train_tokenizer
from nano_training.trainer import StepReport, Trainer

NUM_STEPS = 10_600
DECAY_START = 3000
NUM_TOKENIZER_SAMPLES = 20_000
SHAPES = {
    "half": ModelShape(width=176, mlp_width=448, head_width=44),
    "nano": ModelShape(),
    "double": ModelShape(width=352, mlp_width=896, num_layers=7, head_width=88),
}


def main(arguments: list[str] | None = None) -> None:
    """Train, checkpoint, export."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    if options.fresh and options.checkpoints.exists():
        shutil.rmtree(options.checkpoints)
    corpus = CorpusConfig(options.seed, options.batch_tokens)
    tokenizer = load_or_train_tokenizer(options.checkpoints / "tokenizer.json", options.seed)
    trainer = Trainer(
        tokenizer,
        SHAPES[options.size],
        corpus,
        Schedule(options.steps, options.decay_start),
        compiled=options.compile,
    )
    if trainer.try_resume(options.checkpoints):
        print(f"resumed at step {trainer.step}", flush=True)
    train(trainer, options)
    export_model(options.output, trainer.model, tokenizer)
    Facts.of(trainer.checkpoint()).write(options.output / FACTS_FILE.relative_to(MODEL_DIR))
    print(f"exported after step {trainer.step}", flush=True)


def train(trainer: Trainer, options: argparse.Namespace) -> None:
    """Run all steps with a log line and a checkpoint now and then."""
    smoothed: float | None = None
    for report in trainer.run(options.steps):
        smoothed = report.answer_nats if smoothed is None else 0.95 * smoothed + 0.05 * report.answer_nats
        if report.step % options.log_every == 0:
            print(_line(report, smoothed), flush=True)
        if report.step % options.checkpoint_every == 0 or report.step == options.steps:
            trainer.save(options.checkpoints)


def load_or_train_tokenizer(path: Path, seed: int) -> Tokenizer:
    """The tokenizer of this run: trained once, kept beside the checkpoints."""
    if path.exists():
        return Tokenizer.from_file(str(path))
    tokenizer = train_tokenizer(draw_texts(seed, NUM_TOKENIZER_SAMPLES))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    tokenizer.save(str(partial))
    partial.replace(path)
    return tokenizer


def _line(report: StepReport, smoothed: float) -> str:
    rate = report.tokens_seen / max(report.seconds, 1e-9)
    return (
        f"step {report.step} answer_nats {smoothed:.4f} tokens {report.tokens_seen / 1e6:.2f}M "
        f"seconds {report.seconds:.0f} tokens_per_s {rate:.0f}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nano_training.train", description=__doc__)
    parser.add_argument("--steps", type=int, default=NUM_STEPS, help="total number of steps")
    parser.add_argument("--decay-start", type=int, default=DECAY_START, help="step at which the rates begin to fall")
    parser.add_argument("--batch-tokens", type=int, default=8192, help="tokens in a batch, padding included")
    parser.add_argument("--size", choices=tuple(SHAPES), default="nano")
    parser.add_argument(
        "--compile", action=argparse.BooleanOptionalAction, default=has_fast_bf16(), help="compile the layers"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--log-every", type=int, default=20, help="steps between log lines")
    parser.add_argument("--checkpoint-every", type=int, default=200, help="steps between checkpoints")
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINT_DIR)
    parser.add_argument("--output", type=Path, default=MODEL_DIR)
    parser.add_argument("--fresh", action="store_true", help="throw old checkpoints away first")
    return parser


if __name__ == "__main__":
    main()
