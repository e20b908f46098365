"""Losses of answers under a prompt, computed the way the product defines them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from nano_training.model import END_ID, PAD_ID

MAX_ROWS = 32


@dataclass(frozen=True, slots=True)
class Score:
    """``nats``: mean loss per target token, end of turn included. ``is_exact``: greedy decoding gives the target."""

    nats: float
    is_exact: bool


class Scorer:
    """The exported model and its tokenizer, on the CPU in float32."""

    def __init__(self, model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
        self.model = model.float().eval()
        self.tokenizer = tokenizer

    @classmethod
    def from_folder(cls, folder: Path) -> Scorer:
        """The model as it ships (bf16 weights, computed in float32)."""
        model = Qwen3ForCausalLM.from_pretrained(folder, dtype=torch.float32)
        return cls(model, PreTrainedTokenizerFast.from_pretrained(folder))

    def context_ids(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        """Token ids of the messages and the generation prompt, by the chat template."""
        turns = [{"role": role, "content": content} for role, content in messages]
        text = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def target_ids(self, target: str) -> list[int]:
        """The target tokenised alone, then the end of turn."""
        return [*self.tokenizer(target, add_special_tokens=False)["input_ids"], END_ID]

    def score(self, cases: Sequence[tuple[Sequence[tuple[str, str]], str]]) -> list[Score]:
        """One score for each (messages, target), in order."""
        rows = [(self.context_ids(messages), self.target_ids(target)) for messages, target in cases]
        starts = range(0, len(rows), MAX_ROWS)
        return [score for start in starts for score in self._score(rows[start : start + MAX_ROWS])]

    @torch.inference_mode()
    def _score(self, rows: list[tuple[list[int], list[int]]]) -> list[Score]:
        ids = nn.utils.rnn.pad_sequence(
            [torch.tensor(context + target) for context, target in rows], batch_first=True, padding_value=PAD_ID
        )  # (rows, length)
        hidden = self.model.model(input_ids=ids).last_hidden_state  # (rows, length, width)
        scores = []
        for row, (context, target) in zip(hidden, rows, strict=True):
            logits = self.model.lm_head(row[len(context) - 1 : len(context) + len(target) - 1])
            scores.append(_score_target(logits, torch.tensor(target)))
        return scores

    def sample(self, messages: Sequence[tuple[str, str]], num_samples: int, max_tokens: int, seed: int) -> list[str]:
        """Completions at temperature 1 and top-p 0.95."""
        context = torch.tensor([self.context_ids(messages)])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            rows = self.model.generate(
                context,
                attention_mask=torch.ones_like(context),
                do_sample=True,
                temperature=1.0,
                top_p=0.95,
                top_k=0,
                num_return_sequences=num_samples,
                max_new_tokens=max_tokens,
                pad_token_id=PAD_ID,
                eos_token_id=END_ID,
            )
        return self.tokenizer.batch_decode(rows[:, context.shape[1] :], skip_special_tokens=True)


def _score_target(logits: Tensor, target: Tensor) -> Score:
    """``logits``: (target tokens, vocabulary), each row predicting the target id of the same place."""
    losses = nn.functional.cross_entropy(logits.float(), target, reduction="none")
    return Score(losses.mean().item(), bool((logits.argmax(-1) == target).all()))
