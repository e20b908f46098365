"""What a protocol is: token ids in a request out, log-likelihoods in an answer in. Pure: nothing is sent here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pmpo.errors import UpstreamError
from services.scorer.engines.base import FloatArray, TokenItem
from services.scorer.generation.types import FinishReason, SamplingRequest

MAX_ROUNDING_NATS = 1e-3  # a log-probability may come out this far above 0
CLAMPED_NATS = -9999.0  # vLLM writes this over HTTP for minus infinity, as JSON has none


@dataclass(frozen=True, slots=True)
class Call:
    """One request: a path under the server's address and its JSON body."""

    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says of one item.

    Attributes:
        values: float32 (target tokens,), nats; None when the server's cache had gone past the target's first token, so
            that the item must be asked for afresh.
        num_cached: tokens that the server took from its prefix cache; 0 where it does not say.
    """

    values: FloatArray | None
    num_cached: int = 0


@dataclass(frozen=True, slots=True)
class Greedy:
    """The likeliest next token and its log-likelihood. ``token`` is None when only a text came, see ``text``."""

    token: int | None
    nats: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One sampled answer. ``ids`` where the server tells them, else ``text``; an end of turn is counted."""

    ids: tuple[int, ...] | None
    text: str
    num_tokens: int
    finish_reason: FinishReason


class Dialect(Protocol):
    """One protocol. Readers raise UpstreamError for an answer of another form than the protocol's."""

    @property
    def name(self) -> str:
        """What answers and messages call it."""

    def scoring(self, item: TokenItem, *, afresh: bool) -> Call:
        """Ask for an item's target. ``afresh``: without reading the prefix cache, where the protocol knows one."""

    def read_scores(self, answer: Any, item: TokenItem) -> Reading:
        """The target's log-likelihoods."""

    def greedy(self, context: Sequence[int]) -> Call:
        """Ask for the likeliest next token."""

    def read_greedy(self, answer: Any) -> Greedy:
        """That token."""

    def sampling(self, request: SamplingRequest, seed: int, end_ids: Sequence[int]) -> Call:
        """Ask for one sample of a request."""

    def read_sample(self, answer: Any) -> Drawn:
        """That sample."""


def as_nats(values: Sequence[Any], item: TokenItem, name: str) -> FloatArray:
    """Log-likelihoods of a target as float32. ``null`` and vLLM's stand-in for minus infinity become NaN.

    Raises:
        UpstreamError: too few or too many, something that is no number, or a positive one.
    """
    if len(values) != len(item.target):
        raise UpstreamError(
            f"{name}: the server gave {len(values)} log-probabilities for a target of {len(item.target)} tokens"
        )
    return np.array([_nats(value, name) for value in values], dtype=np.float32)


def _nats(value: Any, name: str) -> float:
    if value is None or value == CLAMPED_NATS:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UpstreamError(f"{name}: the server gave {value!r:.40} where a log-probability should stand")
    if value > MAX_ROUNDING_NATS:
        raise UpstreamError(f"{name}: the server gave {value}, which is no log-probability: it must not be positive")
    return min(float(value), 0.0) if math.isfinite(value) else math.nan


def check_ids(found: Sequence[object], expected: Sequence[object], name: str) -> None:
    """Refuse an answer that is about other tokens than were sent.

    Raises:
        UpstreamError: the ids differ.
    """
    if list(found) != list(expected):
        raise UpstreamError(
            f"{name}: the server answered for other tokens than it was sent; it tokenises again, or has another model"
        )


def field(answer: Any, *keys: str | int, name: str) -> Any:
    """The value under a path of keys and places.

    Raises:
        UpstreamError: it is not there.
    """
    value = answer
    for key in keys:
        is_there = (
            isinstance(value, list) and len(value) > key
            if isinstance(key, int)
            else isinstance(value, dict) and value.get(key) is not None
        )
        if not is_there:
            path = ".".join(map(str, keys))
            raise UpstreamError(f"{name}: the server's answer has no {path}")
        value = value[key]
    return value


def entries(answer: Any, *keys: str | int, name: str) -> list[Any]:
    """As ``field``, a list."""
    value = field(answer, *keys, name=name)
    if not isinstance(value, list):
        raise UpstreamError(f"{name}: {'.'.join(map(str, keys))} of the server's answer is no list")
    return value


def cached_tokens(answer: Any) -> int:
    """Prompt tokens that came from the cache, by the usage that OpenAI-compatible servers report; 0 when unknown."""
    usage = answer.get("usage") if isinstance(answer, dict) else None
    details = usage.get("prompt_tokens_details") if isinstance(usage, dict) else None
    found = details.get("cached_tokens") if isinstance(details, dict) else None
    return found if isinstance(found, int) and found >= 0 else 0


def sampling_options(request: SamplingRequest, seed: int, end_ids: Sequence[int]) -> dict[str, Any]:
    """One sample of a request, in the words of OpenAI and vLLM."""
    return {
        "n": 1,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": seed,
        "stop": list(request.stops),
        "stop_token_ids": sorted(end_ids),
    }


def read_ids(answer: Any, name: str) -> Drawn:
    """The first choice of an answer that tells its token ids."""
    choice = field(answer, "choices", 0, name=name)
    ids = tuple(map(int, entries(choice, "token_ids", name=name)))
    return Drawn(ids, "", len(ids), finish_reason(choice.get("finish_reason")))


def finish_reason(value: Any) -> FinishReason:
    """``length`` or, for everything else that ends an answer, ``stop``."""
    return "length" if value == "length" else "stop"
