"""The training loop: one step is batch, loss, gradients, update."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import Qwen3ForCausalLM

from nano_training.checkpoints import Checkpoint, check_settings, load_newest, save_checkpoint, settings_of
from nano_training.corpus import Corpus, CorpusConfig, shipped_fingerprint
from nano_training.model import ModelShape, batch_loss, build_model, share_embeddings
from nano_training.optimizers import Optimizers, Schedule
from nano_training.tokenizer import spelling_groups

MAX_GRADIENT_NORM = 1.0


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step did: ``answer_nats`` is the mean loss per answer token."""

    step: int
    answer_nats: float
    tokens_seen: int
    seconds: float


class Trainer:
    """Model, optimizers and data stream, at some step."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        shape: ModelShape,
        corpus: CorpusConfig,
        schedule: Schedule,
        *,
        compiled: bool = False,
    ) -> None:
        self.model: Qwen3ForCausalLM = build_model(shape, tokenizer.get_vocab_size(), corpus.seed)
        share_embeddings(self.model, spelling_groups(tokenizer))
        self.step, self.tokens_seen, self.seconds = 0, 0, 0.0
        self._schedule, self._compiled = schedule, compiled
        self._settings = settings_of(shape, corpus) | {"meta_prompt_fingerprint": shipped_fingerprint()}
        self._corpus = Corpus(tokenizer, corpus)
        self._optimizers = Optimizers.for_model(self.model)

    def try_resume(self, folder: Path) -> bool:
        """Go on from the newest checkpoint in ``folder``; False when there is none.

        Raises:
            ValueError: the checkpoint was made with other settings.
        """
        checkpoint = load_newest(folder)
        if checkpoint is None:
            return False
        check_settings(checkpoint, self._settings)
        self.model.load_state_dict(checkpoint.model)
        self._optimizers.load(checkpoint.optimizers)
        self.step, self.tokens_seen, self.seconds = checkpoint.step, checkpoint.tokens_seen, checkpoint.seconds
        return True

    def run(self, until: int) -> Iterator[StepReport]:
        """Train up to step ``until``, reporting each step."""
        self.model.train()
        while self.step < until:
            yield self._train_step()

    def save(self, folder: Path) -> Path:
        """Write a checkpoint of the present step."""
        return save_checkpoint(folder, self.checkpoint())

    def checkpoint(self) -> Checkpoint:
        """Everything that the next step depends on."""
        return Checkpoint(
            step=self.step,
            settings=self._settings,
            model=self.model.state_dict(),
            optimizers=self._optimizers.state(),
            tokens_seen=self.tokens_seen,
            seconds=self.seconds,
            schedule=asdict(self._schedule),
        )

    def _train_step(self) -> StepReport:
        started = time.perf_counter()
        samples = self._corpus.batch(self.step)
        loss = batch_loss(self.model, samples, compiled=self._compiled)
        loss.weighted.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), MAX_GRADIENT_NORM)
        self._optimizers.step(self._schedule.factor(self.step))
        self.model.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens_seen += sum(len(ids) for ids, _ in samples)
        self.seconds += time.perf_counter() - started
        return StepReport(self.step, loss.answer_nats, self.tokens_seen, self.seconds)
