"""Proof that a server can score, before it is believed: many answer the question without answering it.

For each protocol in turn: the answer has the protocol's form; one value a token, the first null, the rest finite, not
positive, not all zero and not all alike; they are about the ids that were sent; and a token that the server generates
greedily is worth as much when it is echoed. The first protocol that passes is used, for all servers; what the passing
server said is kept, so that a server that comes back, or a second one, can be seen to serve the same model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import httpx
import numpy as np

from pmpo.errors import PmpoError, UpstreamError
from services.scorer.engines.base import FloatArray, TokenItem
from services.scorer.engines.remote.dialects.base import Dialect, Greedy, Reading
from services.scorer.engines.remote.transport import Access, ServerDownError, TryAgainError

ECHO_TOLERANCE_NATS = 0.1  # an echoed token against the same one generated, in other batch shapes of bfloat16
SAME_MODEL_TOLERANCE_NATS = 0.15  # mean over the probe's tokens; another model is off by nats
PROBE_TEXTS = ("The capital of France is Paris. The capital of Italy is", "one two three four five six seven eight")
NO_VALUES = "this server does not return prompt log-probabilities"
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Proof:
    """The protocol that passed and the values that the first server gave, one array an item."""

    dialect: Dialect
    values: tuple[FloatArray, ...]


class Prober:
    """Checks servers. ``encode`` gives the ids of a text, without special tokens."""

    def __init__(self, access: Access, encode: Callable[[str], Sequence[int]]) -> None:
        self._access = access
        self._encode = encode
        contexts = [tuple(encode(text)) for text in PROBE_TEXTS]
        self._items = [TokenItem(ids[: len(ids) // 2], ids[len(ids) // 2 :]) for ids in contexts]

    async def prove(self, http: httpx.AsyncClient, url: str, dialects: Sequence[Dialect]) -> Proof:
        """The first protocol that passes.

        Raises:
            ServerDownError: the server does not answer at all.
            UpstreamError: none passes; says why of each.
        """
        reasons: dict[str, str] = {}
        num_down = 0
        for dialect in dialects:
            try:
                values = await self._values(http, url, dialect)
                await self._check_echo(http, url, dialect)
                return Proof(dialect, values)
            except ServerDownError as down:  # 404 is how servers say that they do not know a route
                num_down += not str(down).startswith("status 404")
                reasons[dialect.name] = str(down)
            except (PmpoError, TryAgainError) as error:
                reason = error.message if isinstance(error, PmpoError) else error.error.message
                if "refused the key" in reason:
                    raise
                if " with status " not in reasons.setdefault(dialect.name, reason):
                    continue  # of several ways to ask, what the first real answer lacked says most
                reasons[dialect.name] = reason
        told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        if num_down == len(reasons):
            raise ServerDownError(told)
        raise UpstreamError(f"{NO_VALUES} ({told})")

    async def why_not(self, http: httpx.AsyncClient, url: str, proof: Proof) -> str | None:
        """Why a server cannot stand in for the one that gave the proof; None when it can."""
        try:
            values = await self._values(http, url, proof.dialect)
        except ServerDownError as down:
            return str(down)
        except TryAgainError as failed:
            return failed.error.message
        except PmpoError as error:
            return error.message
        errors = [np.abs(a - b).mean() for a, b in zip(values, proof.values, strict=True)]
        if max(errors) > SAME_MODEL_TOLERANCE_NATS:
            return f"it serves another model: its values differ by {max(errors):.2g} nats a token from the first answer"
        return None

    async def _values(self, http: httpx.AsyncClient, url: str, dialect: Dialect) -> tuple[FloatArray, ...]:
        """The probe's items scored twice over, so that a prefix cache has its chance to spoil the second round."""
        rounds = [[await self._score(http, url, dialect, item) for item in self._items] for _ in range(2)]
        for values in rounds[0]:
            if not np.isfinite(values).all():
                raise UpstreamError("it gave a value that is no number for an ordinary token")
            if not values.any():
                raise UpstreamError("it gave 0 for every token, which says that it computed none")
            if np.ptp(values) == 0:
                raise UpstreamError(f"it gave {values[0]} for every token, which says that it computed none")
        for cold, warm in zip(*rounds, strict=True):
            error = float(np.abs(cold - warm).mean())
            if not error <= ECHO_TOLERANCE_NATS:
                raise UpstreamError(
                    f"the same question asked again gave values that differ by {error:.2g} nats a token"
                )
        return tuple(rounds[0])

    async def _score(self, http: httpx.AsyncClient, url: str, dialect: Dialect, item: TokenItem) -> FloatArray:
        for afresh in (False, True):
            call = dialect.scoring(item, afresh=afresh)
            answer = await self._access.ask(http, url, call.path, call.body)
            reading: Reading = _readable(partial(dialect.read_scores, answer, item))
            if reading.values is not None:
                return reading.values
        raise UpstreamError("it gave no scores even when told not to read its cache")

    async def _check_echo(self, http: httpx.AsyncClient, url: str, dialect: Dialect) -> None:
        """A token that the server generates must be worth as much when it is echoed."""
        for item in self._items:
            context = item.context + item.target
            call = dialect.greedy(context)
            answer = await self._access.ask(http, url, call.path, call.body)
            generated: Greedy = _readable(partial(dialect.read_greedy, answer))
            token = self._token_of(generated)
            if token is None:
                continue
            echoed = float((await self._score(http, url, dialect, TokenItem(context, (token,))))[0])
            if not abs(echoed - generated.nats) <= ECHO_TOLERANCE_NATS:
                raise UpstreamError(
                    f"the token that it generates with {generated.nats:.3f} nats is worth {echoed:.3f} when echoed"
                )
            return
        raise UpstreamError("the tokens that it generates are none of the tokenizer's, so that nothing can be compared")

    def _token_of(self, generated: Greedy) -> int | None:
        """The generated token's id, by its text where the server names no ids; None for a text of several tokens."""
        if generated.token is not None:
            return generated.token
        ids = self._encode(generated.text)
        return ids[0] if len(ids) == 1 else None


def _readable(read: Callable[[], _Value]) -> _Value:
    """What ``read`` gives; an answer that it stumbles over is of another form."""
    try:
        return read()
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise UpstreamError(f"its answer is of another form: {error}") from None
