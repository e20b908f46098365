"""Masked losses: one prompt and its masked variants as one scoring request, and its scores as losses (equation 2)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from pmpo.contracts.scoring import MaskedLossesRequest, ScoreRequest
from pmpo.errors import InvalidInputError, PmpoError
from pmpo.text.placeholders import PLACEHOLDER
from pmpo.text.units import delete, replace

_PROMPT_PLACE = re.compile(r"^prompt (\d+) with")


@dataclass(frozen=True, slots=True)
class MaskedLosses:
    """Losses of S masked prompts on N examples, nats per target token: see ``MaskedLossesResponse``."""

    baseline: list[float]
    masked: list[list[float]]
    delta: list[float]
    standard_error: list[float]


def score_request(request: MaskedLossesRequest) -> ScoreRequest:
    """The whole prompt, then one prompt for each span, on all examples.

    Raises:
        InvalidInputError: no spans, a span that is empty, outside the prompt or over a placeholder, an example with
            several targets, or no weight above 0.
    """
    if not request.spans:
        raise InvalidInputError("spans: give at least one")
    for index, span in enumerate(request.spans):
        _check_span(request.prompt, index, span)
    for index, example in enumerate(request.examples):
        if example.targets is not None:
            raise InvalidInputError(f"examples.{index}: masked losses are of one 'target', not of 'targets'")
    if request.examples and not any(example.weight for example in request.examples):
        raise InvalidInputError("examples: every 'weight' is 0, so there is nothing to average; leave the weights out")
    mask = delete if request.mode == "delete" else replace
    return ScoreRequest(
        prompts=[request.prompt, *(mask(request.prompt, span) for span in request.spans)],
        examples=request.examples,
        answer_prefix=request.answer_prefix,
        end_of_turn=request.end_of_turn,
        chat_template_kwargs=request.chat_template_kwargs,
    )


def losses_of(sums: Sequence[Sequence[float]], num_tokens: Sequence[int], weights: Sequence[float]) -> MaskedLosses:
    """Losses and what each span is worth: the same numbers as ``pmpo.optim.importance.importances``.

    Args:
        sums: (1 + S, N) log-likelihoods in nats, the whole prompt first.
        num_tokens: (N,) target tokens.
        weights: (N,) rewards; not all 0.
    """
    rewards = np.array(weights, dtype=np.float64)
    losses = -np.array(sums, dtype=np.float64) / np.array(num_tokens, dtype=np.float64)  # (1 + S, N)
    shares = rewards / rewards.sum()
    differences = losses[1:] - losses[:1]  # (S, N)
    delta = differences @ shares  # (S,)
    variance = ((shares * (differences - delta[:, None])) ** 2).sum(axis=1)
    num = int(np.count_nonzero(rewards))
    error = np.sqrt(variance * num / (num - 1)) if num > 1 else np.zeros_like(variance)
    return MaskedLosses(losses[0].tolist(), losses[1:].tolist(), delta.tolist(), error.tolist())


@contextmanager
def told_by_span() -> Iterator[None]:
    """Errors about a prompt of ``score_request``, in the words of the caller's own request."""
    try:
        yield
    except PmpoError as error:
        message = _PROMPT_PLACE.sub(_in_own_words, error.message)
        if message == error.message:
            raise
        raise type(error)(message, retry_after_s=error.retry_after_s) from None


def _in_own_words(found: re.Match[str]) -> str:
    place = int(found.group(1))
    return "the prompt with" if place == 0 else f"the prompt without span {place - 1}, with"


def _check_span(prompt: str, index: int, span: tuple[int, int]) -> None:
    start, end = span
    if not 0 <= start < end <= len(prompt):
        raise InvalidInputError(
            f"spans.{index}: [{start}, {end}] is no part of the prompt, which has {len(prompt)} characters"
        )
    for found in PLACEHOLDER.finditer(prompt):
        if found.start() < end and start < found.end():
            raise InvalidInputError(
                f"spans.{index}: [{start}, {end}] holds the placeholder {found.group()} or a part of it, "
                "which cannot be masked; leave it out"
            )
