"""What a server answered, checked: the shape that was asked for, whole counts, finite log-likelihoods.

Nothing is taken on trust, because a wrong number would look like a better prompt. Unknown keys are left alone: other
OpenAI-compatible servers have more of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pmpo.errors import NonFiniteScoreError, UpstreamError
from pmpo.optim.types import Completion, Example, GenerationRequest, ModelIdentity, Scores

MAX_ROUNDING_NATS = 1e-6


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What a scorer serves. ``is_deterministic``: whether it promises numbers that are equal to the bit."""

    identity: ModelIdentity
    is_deterministic: bool


def read_served_model(answer: Any, where: str) -> ServedModel:
    """``GET /v1/models`` of our scorer. Raises UpstreamError."""
    card = _object(_list(_object(answer, where).get("data"), 1, "data", where)[0], where)
    identity = ModelIdentity(*(_text(card, key, where) for key in ("id", "revision", "dtype", "engine")))
    return ServedModel(identity, card.get("deterministic") is True)


def read_scores(answer: Any, prompts: Sequence[str], examples: Sequence[Example], where: str) -> Scores:
    """``POST /v1/score``. Raises UpstreamError, NonFiniteScoreError."""
    sums = _cells(answer, "log_likelihoods", prompts, examples, where)
    counts = _cells(answer, "num_tokens", prompts, examples, where)
    return Scores(
        log_likelihoods=tuple(
            tuple(
                tuple(_nats(value, c, row.index, where) for value in cell)
                for row, cell in zip(examples, cells, strict=True)
            )
            for c, cells in enumerate(sums)
        ),
        num_tokens=tuple(
            tuple(tuple(_count(value, "num_tokens", where, 1) for value in cell) for cell in cells) for cells in counts
        ),
        scored_tokens=_count(answer.get("scored_tokens"), "scored_tokens", where),
        computed_tokens=_count(answer.get("computed_tokens"), "computed_tokens", where),
        identity=ModelIdentity(*(_text(answer, key, where) for key in ("model", "revision", "dtype", "engine"))),
    )


def read_cell_counts(answer: Any, prompts: Sequence[str], examples: Sequence[Example], where: str) -> list[list[int]]:
    """``POST /v1/tokenize`` with prompts: (C, N), summed over an example's targets. Raises UpstreamError."""
    cells = _cells(answer, "num_tokens", prompts, examples, where)
    return [[sum(_count(value, "num_tokens", where, 1) for value in cell) for cell in row] for row in cells]


def read_text_counts(answer: Any, num_texts: int, where: str) -> list[int]:
    """``POST /v1/tokenize`` with texts. Raises UpstreamError."""
    counts = _list(_object(answer, where).get("num_tokens"), num_texts, "num_tokens", where)
    return [_count(value, "num_tokens", where) for value in counts]


def num_choices(answer: Any) -> int:
    """How many samples an answer holds; 0 for one of another form, which ``read_completions`` refuses."""
    choices = answer.get("choices") if isinstance(answer, dict) else None
    return len(choices) if isinstance(choices, list) else 0


def read_completions(
    answer: Any, request: GenerationRequest, where: str, text_of: Callable[[Mapping[str, Any]], Any]
) -> list[Completion]:
    """The samples of a completion in order of their index; ``text_of`` gives the text of a choice.

    A server that does not count each sample's tokens (``num_tokens`` is ours) has its total shared out evenly: sums,
    which budgets are made of, stay exact.

    Raises:
        UpstreamError: another number of samples, a sample without text, or more tokens than asked for.
    """
    usage = _object(_object(answer, where).get("usage"), where)
    choices = [_object(choice, where) for choice in _list(answer.get("choices"), request.num_samples, "choices", where)]
    choices.sort(key=lambda choice: _count(choice.get("index", 0), "index", where))
    total = _count(usage.get("completion_tokens"), "completion_tokens", where)
    share, left_over = divmod(total, len(choices))
    prompt_tokens = _count(usage.get("prompt_tokens"), "prompt_tokens", where)
    completions = [
        Completion(
            text=_text_of(text_of(choice), where),
            num_tokens=_count(choice.get("num_tokens", share + (position < left_over)), "num_tokens", where),
            finish_reason="length" if choice.get("finish_reason") == "length" else "stop",
            num_prompt_tokens=prompt_tokens,
        )
        for position, choice in enumerate(choices)
    ]
    most = max(completion.num_tokens for completion in completions)
    if most > request.max_tokens:
        raise UpstreamError(f"{where} wrote {most} tokens where at most {request.max_tokens} were asked for")
    return completions


def _cells(
    answer: Any, key: str, prompts: Sequence[str], examples: Sequence[Example], where: str
) -> list[list[list[Any]]]:
    """(C, N, number of targets): a bare value where an example has one target."""
    rows = _list(_object(answer, where).get(key), len(prompts), key, where)
    return [
        [
            _list(cell, len(example.targets), key, where) if len(example.targets) > 1 else [cell]
            for example, cell in zip(examples, _list(row, len(examples), key, where), strict=True)
        ]
        for row in rows
    ]


def _nats(value: Any, prompt: int, row: int, where: str) -> float:
    """NaN comes as null from servers whose JSON has no NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        raise UpstreamError(f"{where} answered {type(value).__name__} where a log-likelihood should stand")
    if value is None or not math.isfinite(value) or value > MAX_ROUNDING_NATS:
        raise NonFiniteScoreError(
            f"{where} gave {value} as the log-likelihood of row {row} under prompt {prompt}, which is none; "
            "look at the model and its dtype"
        )
    return float(value)


def _text_of(text: Any, where: str) -> str:
    if not isinstance(text, str):
        raise UpstreamError(f"{where} gave a sample without text")
    # Half a surrogate pair can stand in JSON and in no text: it could be neither stored nor sent on.
    return text.encode("utf-8", "replace").decode()


def _count(value: Any, key: str, where: str, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UpstreamError(f"{where} answered {value!r:.50} as {key}, which is no count")
    return value


def _text(answer: dict[str, Any], key: str, where: str) -> str:
    value = answer.get(key)
    if not isinstance(value, str):
        raise UpstreamError(f"{where} did not say its {key}; is it a scorer?")
    return value


def _list(value: Any, length: int, key: str, where: str) -> list[Any]:
    if not isinstance(value, list) or len(value) != length:
        found = f"{len(value)} entries" if isinstance(value, list) else "no list"
        raise UpstreamError(f"{where} answered {found} as {key} where {length} were asked for")
    return value


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UpstreamError(f"{where} gave an answer of another form than documented; is it of another version?")
    return value
