"""The engine over vLLM: repeated items once, items with a common beginning side by side, the mode that proved right."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pmpo.errors import EngineError
from services.scorer.engines.base import EngineIdentity, FloatArray, ScoredItems, TokenItem, spread
from services.scorer.engines.vllm_local.calls import Mode, Scores, VllmCalls

logger = logging.getLogger(__name__)
TOLERANCE_NATS = {"float32": 1e-3}  # a target token, mean; see OTHER_TOLERANCE_NATS for the other dtypes
OTHER_TOLERANCE_NATS = 0.1
CHECK_IDS = range(5, 45)


class VllmLocalEngine:
    """Scores with vLLM in this process. Not for several threads at once.

    The mode is chosen here: suffix scoring where vLLM has it and where its scores with a cold and with a warm prefix
    cache are those of ``prompt_logprobs``; otherwise ``prompt_logprobs``.
    """

    def __init__(self, calls: VllmCalls, identity: EngineIdentity) -> None:
        self._calls = calls
        self._tolerance = TOLERANCE_NATS.get(identity.dtype, OTHER_TOLERANCE_NATS)
        self._items = _check_items(identity.context_length)
        self._mode = Mode.PROMPT
        reason = self._why_not_suffix()
        if reason is None:
            self._mode = Mode.SUFFIX
            logger.info("vLLM scores targets alone and shares prompts through its prefix cache")
        else:
            logger.warning("vLLM runs every prompt in full for each example: %s", reason)
        self._identity = replace(identity, mode=str(self._mode))

    @property
    def identity(self) -> EngineIdentity:
        """The model, its revision, the engine, its mode and limits."""
        return self._identity

    @property
    def peak_memory_bytes(self) -> int | None:
        """Not known: vLLM may hold memory in processes of its own."""
        return None

    def score(self, items: Sequence[TokenItem]) -> ScoredItems:
        """Log-likelihood of every target token of every item (nats)."""
        distinct = sorted(set(items), key=lambda item: (item.context, item.target))
        found = dict(zip(distinct, self._score(distinct, self._mode), strict=True))
        return spread(
            items,
            {item: _values(scores) for item, scores in found.items()},
            {item: item.num_tokens - scores.num_cached for item, scores in found.items()},
        )

    def self_check(self) -> None:
        """Score a few made-up sequences, and a token that vLLM generates, which must be worth as much as a target.

        Raises:
            EngineError: a score is no number, or generated and scored token differ by more than the dtype's noise.
        """
        for scores in self._score(self._items, self._mode):
            values = _values(scores)
            if not np.isfinite(values).all() or not values.any() or (values > 0).any():
                raise EngineError(f"vLLM's scores of {self._identity.model} are no log-probabilities: {values[:4]}")
        context = self._items[0].context
        (written,) = self._calls.write([context], [{"max_tokens": 1, "temperature": 0.0, "logprobs": 0}])
        (scored,) = self._score([TokenItem(context, written.ids)], self._mode)
        generated, echoed = written.first_nats, float(_values(scored)[0])
        if generated is None or not abs(generated - echoed) <= 10 * self._tolerance:
            raise EngineError(
                f"vLLM cannot score {self._identity.model}: a token that it generates with {generated} nats "
                f"is worth {echoed} as a target; choose another model or engine"
            )

    def _score(self, items: Sequence[TokenItem], mode: Mode) -> list[Scores]:
        """Scores of distinct items; those that the cache spoiled are asked for again without it."""
        scores = self._calls.score(items, mode)
        spoiled = [place for place, each in enumerate(scores) if each.values is None]
        if spoiled:
            again = self._calls.score([items[place] for place in spoiled], mode, reads_cache=False)
            for place, each in zip(spoiled, again, strict=True):
                scores[place] = each
        return scores

    def _why_not_suffix(self) -> str | None:
        """Why suffix scoring is not used: vLLM has it not, or its numbers are wrong; None when it is used."""
        slow = [_values(scores) for scores in self._score(self._items, Mode.PROMPT)]
        try:
            cold = self._calls.score(self._items, Mode.SUFFIX, reads_cache=False)
            warm = self._score(self._items, Mode.SUFFIX)
        except EngineError as error:
            return f"its suffix scoring is broken: {error.message}"
        except Exception as error:  # a parameter that it does not know or refuses: vLLM's classes are not imported here
            return f"it has no suffix scoring here ({str(error).splitlines()[0]})"
        for name, fast in (("cold", cold), ("warm", warm)):
            for values, scores in zip(slow, fast, strict=True):
                if scores.values is None:
                    return f"its suffix scoring gave no scores with a {name} prefix cache"
                difference = float(np.abs(scores.values - values).mean())
                if not difference <= self._tolerance:
                    return (
                        f"its suffix scoring differs from prompt_logprobs by {difference:.3g} nats a token "
                        f"with a {name} prefix cache"
                    )
        return None


def _check_items(context_length: int) -> list[TokenItem]:
    """Made-up sequences of one context, long enough for whole cache blocks, and with targets that begin alike."""
    ids = tuple(CHECK_IDS)
    context = (ids * 2)[: min(72, context_length // 2)]
    return [TokenItem(context, ids[:5]), TokenItem(context, ids[:3]), TokenItem(context, ids[7:12])]


def _values(scores: Scores) -> FloatArray:
    """The values of scores that has some.

    Raises:
        EngineError: vLLM gave none although it was told not to read its cache.
    """
    if scores.values is None:
        raise EngineError("vLLM gave no scores for an item even without its prefix cache")
    return scores.values
