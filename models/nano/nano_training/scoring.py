"""Losses of answers under a prompt, computed the way the product defines them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from nano_training.model import END_ID, PAD_ID

MAX_ROWS = 32
MAX_GREEDY_ROWS = 64

Messages = Sequence[tuple[str, str]]
Case = tuple[Messages, str]


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

    def context_ids(self, messages: Messages) -> list[int]:
        """Token ids of the messages and the generation prompt, by the chat template."""
        turns = [{"role": role, "content": content} for role, content in messages]
        text = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def target_ids(self, target: str) -> list[int]:
        """The target tokenised alone, then the end of turn."""
        return [*self.tokenizer(target, add_special_tokens=False)["input_ids"], END_ID]

    def score(self, cases: Sequence[Case]) -> list[Score]:
        """One score for each (messages, target), in order."""
        return [_score_target(logits, target) for logits, target in self._logits(cases)]

    def favourites(self, cases: Sequence[Case]) -> list[tuple[float, bool]]:
        """For every target token of all cases: the highest probability, and whether that token is the target's."""
        found = []
        for logits, target in self._logits(cases):
            best = logits.float().softmax(-1).max(-1)
            found += list(zip(best.values.tolist(), (best.indices == target).tolist(), strict=True))
        return found

    def _logits(self, cases: Sequence[Case]) -> list[tuple[Tensor, Tensor]]:
        """(target tokens, vocabulary) logits and the target ids of each case, in order; computed by length."""
        rows = [(self.context_ids(messages), self.target_ids(target)) for messages, target in cases]
        order = sorted(range(len(rows)), key=lambda index: sum(map(len, rows[index])))
        found: dict[int, tuple[Tensor, Tensor]] = {}
        for start in range(0, len(order), MAX_ROWS):
            chosen = order[start : start + MAX_ROWS]
            found |= dict(zip(chosen, self._batch_logits([rows[index] for index in chosen]), strict=True))
        return [found[index] for index in range(len(rows))]

    @torch.inference_mode()
    def _batch_logits(self, rows: list[tuple[list[int], list[int]]]) -> list[tuple[Tensor, Tensor]]:
        ids = nn.utils.rnn.pad_sequence(
            [torch.tensor(context + target) for context, target in rows], batch_first=True, padding_value=PAD_ID
        )  # (rows, length)
        hidden = self.model.model(input_ids=ids).last_hidden_state  # (rows, length, width)
        return [
            (self.model.lm_head(row[len(context) - 1 : len(context) + len(target) - 1]), torch.tensor(target))
            for row, (context, target) in zip(hidden, rows, strict=True)
        ]

    def greedy(self, conversations: Sequence[Messages], max_tokens: int) -> list[str]:
        """The greedy answer to each conversation, in order."""
        order = sorted(range(len(conversations)), key=lambda index: len(self.context_ids(conversations[index])))
        found: dict[int, str] = {}
        for start in range(0, len(order), MAX_GREEDY_ROWS):
            chosen = order[start : start + MAX_GREEDY_ROWS]
            texts = self._generate([self.context_ids(conversations[i]) for i in chosen], max_tokens, do_sample=False)
            found |= dict(zip(chosen, texts, strict=True))
        return [found[index] for index in range(len(conversations))]

    def _generate(self, contexts: list[list[int]], max_tokens: int, **options: Any) -> list[str]:
        length = max(map(len, contexts))
        ids = torch.tensor([[PAD_ID] * (length - len(context)) + context for context in contexts])
        mask = torch.tensor([[0] * (length - len(context)) + [1] * len(context) for context in contexts])
        rows = self.model.generate(
            ids,
            attention_mask=mask,
            max_new_tokens=max_tokens,
            pad_token_id=PAD_ID,
            eos_token_id=END_ID,
            **options,
        )
        return list(self.tokenizer.batch_decode(rows[:, length:], skip_special_tokens=True))

    def sample(self, messages: Messages, num_samples: int, max_tokens: int, seed: int) -> list[str]:
        """Completions at temperature 1 and top-p 0.95."""
        options = {"do_sample": True, "temperature": 1.0, "top_p": 0.95, "top_k": 0}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self._generate([self.context_ids(messages)], max_tokens, num_return_sequences=num_samples, **options)


def _score_target(logits: Tensor, target: Tensor) -> Score:
    """``logits``: (target tokens, vocabulary), each row predicting the target id of the same place."""
    losses = nn.functional.cross_entropy(logits.float(), target, reduction="none")
    return Score(losses.mean().item(), bool((logits.argmax(-1) == target).all()))
