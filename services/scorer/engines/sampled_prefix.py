"""An experiment: log-likelihoods estimated from a server that gives only the likeliest next tokens, one call a token.

For servers such as llama.cpp's, which do not score a prompt. The target is walked token by token: a listed token counts
with its own log-probability, one off the list with the most that it can have, see ``bound_nats``. So a sum is never
below the model's own, and equal to it when every token is listed. Dear: see ``Cost``; never more calls than the cap.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pmpo.errors import BudgetTooSmallError, ConfigurationError, UpstreamError
from pmpo.runtime.tasks import all_of
from services.scorer.engines.base import EngineIdentity, ScoredItems, TokenItem
from services.scorer.engines.remote.dialects.base import Call, entries, field
from services.scorer.engines.remote.dialects.completions import PATH
from services.scorer.engines.remote.session import Session
from services.scorer.rendering.codec import TextCodec

logger = logging.getLogger(__name__)
NAME = "sampled_prefix"
NUM_LISTED = 20
LEAST_PROBABILITY = 1e-9  # a list whose probabilities round to 1 leaves nothing for the others
Prefix = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """What scoring would send: one call for each distinct prefix that is not remembered, and its tokens."""

    num_calls: int
    prompt_tokens: int


class SampledPrefixEngine:
    """Estimates. A session is opened for each batch; ``max_calls`` bounds what the process ever asks for scores."""

    def __init__(
        self, open_session: Callable[[], Session], model: str, max_calls: int, context_length: int, codec: TextCodec
    ) -> None:
        self._open_session = open_session
        self._model = model
        self._num_calls_left = max_calls
        self._codec = codec
        self._listed: dict[Prefix, Mapping[str, float]] = {}
        revision = hashlib.sha256(f"{model}\0{NUM_LISTED}".encode()).hexdigest()[:12]
        mode = "estimate_from_top_log_probabilities"
        self._identity = EngineIdentity(model, revision, "served", NAME, mode, 0, context_length, is_estimate=True)

    @property
    def identity(self) -> EngineIdentity:
        """The model by the server's name for it; marked as an estimate."""
        return self._identity

    @property
    def peak_memory_bytes(self) -> int | None:
        """Not known: the server's own."""
        return None

    def open_session(self) -> Session:
        """For the generator, whose calls do not count against the cap."""
        return self._open_session()

    def cost(self, items: Sequence[TokenItem]) -> Cost:
        """What ``score`` would send for these items now. Nothing is sent."""
        missing = self._missing(items)
        return Cost(len(missing), sum(map(len, missing)))

    def score(self, items: Sequence[TokenItem]) -> ScoredItems:
        """Estimates (nats). What an answer listed is remembered.

        Raises:
            BudgetTooSmallError: more calls than the cap leaves; nothing was sent.
            UpstreamError: the server refused, or listed nothing.
        """
        cost = self.cost(items)
        if cost.num_calls > self._num_calls_left:
            raise BudgetTooSmallError(
                f"estimating this takes {cost.num_calls} calls with {cost.prompt_tokens} prompt tokens, and "
                f"{self._num_calls_left} calls are left: score fewer examples, or raise PMPO_SCORER_SAMPLED_MAX_CALLS"
            )
        logger.info("estimating takes %d calls with %d prompt tokens", cost.num_calls, cost.prompt_tokens)
        asyncio.run(self._ask(self._missing(items)))
        computed = [cost.prompt_tokens, *[0] * (len(items) - 1)][: len(items)]
        values = tuple(np.array([self._nats(*step) for step in _steps(item)], dtype=np.float32) for item in items)
        return ScoredItems(values, tuple(computed))

    def self_check(self) -> None:
        """One call, unless an answer has come already: does the server list log-probabilities?

        Raises:
            ConfigurationError: it does not.
        """
        try:
            if not self._listed:
                asyncio.run(self._ask([self._codec.encode("The", literal=True)]))
        except UpstreamError as error:
            raise ConfigurationError(
                f"PMPO_SCORER_REMOTE_URLS: nothing can be estimated there: {error.message}; "
                "use a server that gives logprobs, or PMPO_SCORER_ENGINE=torch_tree"
            ) from None

    def _missing(self, items: Sequence[TokenItem]) -> list[Prefix]:
        prefixes = {prefix for item in items for prefix, _ in _steps(item)}
        return sorted(prefixes - self._listed.keys())

    async def _ask(self, prefixes: Sequence[Prefix]) -> None:
        async with self.open_session() as session:
            self._num_calls_left -= len(prefixes)
            await all_of(self._ask_one(session, prefix) for prefix in prefixes)

    async def _ask_one(self, session: Session, prefix: Prefix) -> None:
        more = {"max_tokens": 1, "temperature": 0, "logprobs": NUM_LISTED}
        call = Call(PATH, {"model": self._model, "prompt": list(prefix), **more})
        self._listed[prefix] = await session.call(call, len(prefix), read_listed)

    def _nats(self, prefix: Prefix, token: int) -> float:
        listed = self._listed[prefix]
        for name in (f"id:{token}", self._codec.decode([token], keep_special=True)):
            if name in listed:
                return min(0.0, listed[name])
        return bound_nats(listed.values())


def _steps(item: TokenItem) -> list[tuple[Prefix, int]]:
    """Each target token with what stands before it."""
    return [(item.context + item.target[:place], token) for place, token in enumerate(item.target)]


def read_listed(answer: Any) -> dict[str, float]:
    """Log-probabilities of the likeliest next tokens by ``id:`` and id where ids are told, else by text.

    Raises:
        UpstreamError: the answer lists none, or something that is no log-probability.
    """
    found = field(answer, "choices", 0, "logprobs", name=NAME)
    if "content" in found:  # llama.cpp
        top = entries(found, "content", 0, "top_logprobs", name=NAME)
        listed = {f"id:{each['id']}" if "id" in each else str(each["token"]): each["logprob"] for each in top}
    else:  # OpenAI, vLLM
        listed = dict(field(found, "top_logprobs", 0, name=NAME))
    if not listed or not all(isinstance(value, int | float) and value <= 1e-3 for value in listed.values()):
        raise UpstreamError(f"{NAME}: the server lists no log-probabilities of next tokens")
    if not all(math.isfinite(value) for value in listed.values()):
        raise UpstreamError(f"{NAME}: the server lists a log-probability that is no number")
    return {name: float(value) for name, value in listed.items()}


def bound_nats(listed: Collection[float]) -> float:
    """The most that a token off the list can have: no more than the least one listed, nor than what the list leaves."""
    left = 1.0 - math.fsum(map(math.exp, listed))
    return min(*listed, math.log(max(left, LEAST_PROBABILITY)))
