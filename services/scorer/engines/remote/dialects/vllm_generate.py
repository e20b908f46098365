"""vLLM's ``POST /inference/v1/generate`` (a server started with ``--enable-scale-out``): ids in, ids out.

Two ways to score. ``VllmPromptLogprobs`` asks for every prompt token's log-probability and works on every vLLM; the
prefix cache is not read. ``VllmSuffix`` asks for the target's rows alone, which reads the cache, and needs the V2 model
runner (vLLM 0.32 and later on a GPU). Which prompt row scores which token (c = context, t = target)::

    prompt              c0 c1 c2 t0 t1
    prompt row           0  1  2  3  4     the last row would score what is generated
    scores                     t0 t1       rows from prompt_logprob_start = len(context) - 1
    prompt_logprobs   null c1 c2 t0 t1     entry i is about token i
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pmpo.errors import UpstreamError
from services.scorer.engines.base import TokenItem
from services.scorer.engines.remote.dialects.base import (
    Call,
    Drawn,
    Greedy,
    Reading,
    as_nats,
    cached_tokens,
    check_ids,
    entries,
    field,
    read_ids,
    sampling_options,
)
from services.scorer.generation.types import SamplingRequest

PATH = "/inference/v1/generate"
SCORING = {"max_tokens": 1, "temperature": 0, "detokenize": False}


class VllmPromptLogprobs:
    """All prompt rows, one log-probability each."""

    def __init__(self, model: str) -> None:
        self._model = model

    @property
    def name(self) -> str:
        """What answers and messages call it."""
        return "vllm_prompt_logprobs"

    def scoring(self, item: TokenItem, *, afresh: bool) -> Call:
        """Ask for an item's target; the cache is never read."""
        return self._call(item.context + item.target, {**SCORING, "prompt_logprobs": 0})

    def read_scores(self, answer: Any, item: TokenItem) -> Reading:
        """The target's log-likelihoods."""
        rows = entries(answer, "prompt_logprobs", name=self.name)
        return Reading(as_nats(prompt_rows(rows, item, self.name), item, self.name), cached_tokens(answer))

    def greedy(self, context: Sequence[int]) -> Call:
        """Ask for the likeliest next token."""
        return self._call(context, {**SCORING, "logprobs": 0})

    def read_greedy(self, answer: Any) -> Greedy:
        """That token."""
        chosen = field(answer, "choices", 0, "logprobs", "content", 0, name=self.name)
        return Greedy(int(field(chosen, "token_id", name=self.name)), float(field(chosen, "logprob", name=self.name)))

    def sampling(self, request: SamplingRequest, seed: int, end_ids: Sequence[int]) -> Call:
        """Ask for one sample."""
        # what is not said is taken from the model's generation config
        plain = {"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
        return self._call(request.prompt, {**sampling_options(request, seed, end_ids), **plain})

    def read_sample(self, answer: Any) -> Drawn:
        """That sample."""
        return read_ids(answer, self.name)

    def _call(self, ids: Sequence[int], sampling: Mapping[str, Any]) -> Call:
        return Call(PATH, {"model": self._model, "token_ids": list(ids), "sampling_params": dict(sampling)})


class VllmSuffix(VllmPromptLogprobs):
    """The target's rows alone."""

    @property
    def name(self) -> str:
        """What answers and messages call it."""
        return "vllm_suffix"

    def scoring(self, item: TokenItem, *, afresh: bool) -> Call:
        """Ask for an item's target; ``afresh`` does not read the prefix cache."""
        suffix = {
            "prompt_logprob_token_ids": [[token] for token in item.target],
            "prompt_logprob_start": len(item.context) - 1,
            "skip_reading_prefix_cache": afresh,
        }
        return self._call(item.context + item.target, {**SCORING, **suffix})

    def read_scores(self, answer: Any, item: TokenItem) -> Reading:
        """The target's log-likelihoods; None when the cache had gone past the first row."""
        if "prompt_token_id_logprobs" not in (answer if isinstance(answer, dict) else {}):
            raise UpstreamError(f"{self.name}: the server's answer has no prompt_token_id_logprobs")
        encoded = answer["prompt_token_id_logprobs"]
        if encoded is None:
            return Reading(None)
        rows = _array(encoded, self.name)
        if rows.shape != (len(item.target), 1):
            raise UpstreamError(f"{self.name}: scores of shape {rows.shape} for a target of {len(item.target)} tokens")
        return Reading(as_nats(rows[:, 0].tolist(), item, self.name), cached_tokens(answer))


def prompt_rows(rows: Sequence[Any], item: TokenItem, name: str) -> list[Any]:
    """The target's entries of ``prompt_logprobs``: ``[null, {"<id>": {"logprob": ...}}, ...]``, one a prompt token.

    Raises:
        UpstreamError: another number of entries than tokens were sent, or entries about other tokens.
    """
    if len(rows) != item.num_tokens:
        raise UpstreamError(f"{name}: the server gave {len(rows)} entries for {item.num_tokens} tokens")
    if rows[0] is not None:
        raise UpstreamError(f"{name}: the first token has a log-probability, though nothing stands before it")
    found = [
        entry.get(str(token)) if isinstance(entry, dict) else None
        for token, entry in zip(item.target, rows[len(item.context) :], strict=True)
    ]
    check_ids([token for token, entry in zip(item.target, found, strict=True) if entry is not None], item.target, name)
    return [field(entry, name=name).get("logprob") for entry in found]


def _array(encoded: Any, name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The array in base64 of its ``.npy`` form."""
    try:
        loaded = np.load(io.BytesIO(base64.b64decode(encoded, validate=True)), allow_pickle=False)
    except (ValueError, TypeError, binascii.Error, EOFError, OSError) as error:
        raise UpstreamError(f"{name}: prompt_token_id_logprobs holds no array: {error}") from None
    return np.asarray(loaded, dtype=np.float32)
