"""What vLLM is asked and what it answers. The shapes are vLLM's; the library itself is imported in ``loading`` alone.

Two ways to score, see ``Mode``. Which prompt row scores which token (c = context, t = target)::

    prompt              c0 c1 c2 t0 t1
    prompt row           0  1  2  3  4     the last row would score what is generated
    scores                     t0 t1       rows from prompt_logprob_start = len(context) - 1
    prompt_logprobs   None c1 c2 t0 t1     entry i is about token i
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np

from pmpo.errors import EngineError
from services.scorer.engines.base import FloatArray, TokenItem

SCORING = {"max_tokens": 1, "temperature": 0.0, "detokenize": False}


class Mode(StrEnum):
    """How scores are asked for.

    SUFFIX: the target's rows alone (``prompt_logprob_token_ids``); shared beginnings come from the prefix cache. Needs
    vLLM's V2 model runner. PROMPT: every row of the prompt (``prompt_logprobs=0``); the cache is not read.
    """

    SUFFIX = "vllm_suffix"
    PROMPT = "vllm_prompt_logprobs"


class Llm(Protocol):
    """What is used of ``vllm.LLM``."""

    def generate(self, prompts: Any, sampling_params: Any, *, use_tqdm: bool, lora_request: Any) -> list[Any]:
        """One ``RequestOutput`` a prompt, in order."""


@dataclass(frozen=True, slots=True)
class Scores:
    """One item's scores.

    Attributes:
        values: float32 (target tokens,), nats; None when the prefix cache had gone past the target's first row.
        num_cached: tokens that came from the prefix cache, by vLLM's own count.
    """

    values: FloatArray | None
    num_cached: int


@dataclass(frozen=True, slots=True)
class Written:
    """One generated answer: its ids with the token that ended it, and the log-likelihood of the first one."""

    ids: tuple[int, ...]
    is_cut: bool
    first_nats: float | None


class VllmCalls:
    """Calls of one ``LLM``. ``make_params`` is ``vllm.SamplingParams``; ``lora`` goes with every call."""

    def __init__(self, llm: Llm, make_params: Callable[..., Any], lora: Any = None) -> None:
        self._llm = llm
        self._make_params = make_params
        self._lora = lora

    def score(self, items: Sequence[TokenItem], mode: Mode, *, reads_cache: bool = True) -> list[Scores]:
        """Scores in the order of the items. ``reads_cache`` matters for SUFFIX only.

        Raises:
            EngineError: an answer of another shape than vLLM documents.
        """
        if mode is Mode.PROMPT:
            outputs = self._run([item.context + item.target for item in items], [{"prompt_logprobs": 0}] * len(items))
            return [_prompt_scores(output, item) for output, item in zip(outputs, items, strict=True)]
        params = [_suffix_params(item, reads_cache=reads_cache) for item in items]
        outputs = self._run([item.context + item.target for item in items], params)
        return [_suffix_scores(output, item) for output, item in zip(outputs, items, strict=True)]

    def write(self, prompts: Sequence[Sequence[int]], params: Sequence[dict[str, Any]]) -> list[Written]:
        """One answer a prompt, by parameters of ``SamplingParams``."""
        return [_written(output) for output in self._run(prompts, [{"detokenize": True, **each} for each in params])]

    def _run(self, prompts: Sequence[Sequence[int]], params: Sequence[dict[str, Any]]) -> list[Any]:
        outputs = self._llm.generate(
            [{"prompt_token_ids": list(prompt)} for prompt in prompts],
            [self._make_params(**{**SCORING, **each}) for each in params],
            use_tqdm=False,
            lora_request=self._lora,
        )
        if len(outputs) != len(prompts):
            raise EngineError(f"vLLM gave {len(outputs)} answers to {len(prompts)} prompts")
        return outputs


def _suffix_params(item: TokenItem, *, reads_cache: bool) -> dict[str, Any]:
    return {
        "prompt_logprob_token_ids": np.array(item.target, dtype=np.int32)[:, None],  # (target tokens, 1)
        "prompt_logprob_start": len(item.context) - 1,
        "skip_reading_prefix_cache": not reads_cache,
    }


def _suffix_scores(output: Any, item: TokenItem) -> Scores:
    rows = output.prompt_token_id_logprobs
    if rows is None:
        return Scores(None, 0)
    if rows.shape != (len(item.target), 1):
        raise EngineError(f"vLLM gave scores of shape {rows.shape} for a target of {len(item.target)} tokens")
    return Scores(np.asarray(rows[:, 0], dtype=np.float32), output.num_cached_tokens or 0)


def _prompt_scores(output: Any, item: TokenItem) -> Scores:
    rows = output.prompt_logprobs
    if rows is None or len(rows) != item.num_tokens:
        found = "none" if rows is None else str(len(rows))
        raise EngineError(f"vLLM gave {found} of {item.num_tokens} prompt log-probabilities")
    try:
        values = [row[token].logprob for token, row in zip(item.target, rows[len(item.context) :], strict=True)]
    except (KeyError, TypeError):
        raise EngineError("vLLM gave prompt log-probabilities of other tokens than it was sent") from None
    return Scores(np.array(values, dtype=np.float32), output.num_cached_tokens or 0)


def _written(output: Any) -> Written:
    """The single answer of an output."""
    (answer,) = output.outputs
    ids = tuple(int(token) for token in answer.token_ids)
    first = answer.logprobs[0][ids[0]].logprob if answer.logprobs else None
    return Written(ids, answer.finish_reason == "length", first)
