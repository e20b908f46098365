"""Scores and analyses that somebody waits for: bounded, and read from what a scorer answers."""

from __future__ import annotations

from collections.abc import Sequence

from pmpo.contracts.interactive import MAX_BYTES, MAX_CELLS, AnalyzeCall, AnalyzeView, ScoreCall, ScoreView
from pmpo.contracts.reports import UnitView
from pmpo.contracts.scoring import MaskedLossesRequest, MaskedLossesResponse, ScoreExample, ScoreRequest, ScoreResponse
from pmpo.errors import InvalidInputError
from pmpo.text.units import Span, segment


def score_request(call: ScoreCall) -> ScoreRequest:
    """What a scorer is asked.

    Raises:
        InvalidInputError: nothing to score, weights that are all 0, or more than somebody should wait for.
    """
    if not call.prompts:
        raise InvalidInputError("prompts: give at least one")
    _check_examples(call.examples)
    texts = [prompt if isinstance(prompt, str) else "".join(turn.content for turn in prompt) for prompt in call.prompts]
    _check_size(texts, call.examples)
    return ScoreRequest.model_validate(call.model_dump(exclude={"model"}, exclude_unset=True))


def score_view(call: ScoreCall, answer: ScoreResponse) -> ScoreView:
    """The answer, with the mean loss of each prompt."""
    weights = [example.weight for example in call.examples]
    losses = [
        _mean([-_first(total) / _first(count) for total, count in zip(sums, counts, strict=True)], weights)
        for sums, counts in zip(answer.log_likelihoods, answer.num_tokens, strict=True)
    ]
    return ScoreView(losses=losses, **dict(answer))


def masked_request(call: AnalyzeCall) -> MaskedLossesRequest:
    """What a scorer is asked: the losses without each of the prompt's parts.

    Raises:
        InvalidInputError: a prompt of fewer than two parts, weights that are all 0, an example with several targets, or
            more than somebody should wait for.
    """
    spans = _spans(call)
    if not spans:
        raise InvalidInputError(
            "the prompt is one part, so nothing can be left out of it; an analysis needs two sentences or list items "
            "outside placeholders, code blocks and protected texts"
        )
    _check_examples(call.examples)
    for number, example in enumerate(call.examples):
        if example.target is None:
            raise InvalidInputError(f"examples.{number}: an analysis takes one answer a row; give 'target'")
    _check_size([call.prompt] * (len(spans) + 1), call.examples)
    return MaskedLossesRequest(
        prompt=call.prompt,
        spans=spans,
        mode=call.mode,
        examples=call.examples,
        answer_prefix=call.answer_prefix,
        chat_template_kwargs=call.chat_template_kwargs,
    )


def analyze_view(call: AnalyzeCall, answer: MaskedLossesResponse) -> AnalyzeView:
    """What each part is worth."""
    found = zip(_spans(call), answer.delta, answer.standard_error, strict=True)
    return AnalyzeView(
        prompt=call.prompt,
        loss=_mean(answer.baseline, [example.weight for example in call.examples]),
        units=[
            UnitView(text=call.prompt[start:end], start=start, end=end, delta=delta, standard_error=error)
            for (start, end), delta, error in found
        ],
        num_examples=len(call.examples),
        scored_tokens=answer.scored_tokens,
        computed_tokens=answer.computed_tokens,
        model=answer.model,
        revision=answer.revision,
        dtype=answer.dtype,
        engine=answer.engine,
        estimate=answer.estimate,
    )


def _spans(call: AnalyzeCall) -> list[Span]:
    return segment(call.prompt, protected=call.protect, max_units=call.max_units)


def _check_examples(examples: Sequence[ScoreExample]) -> None:
    if not examples:
        raise InvalidInputError("examples: give at least one")
    if not any(example.weight for example in examples):
        raise InvalidInputError("examples: every 'weight' is 0, so there is nothing to average; leave the weights out")


def _check_size(prompts: Sequence[str], examples: Sequence[ScoreExample]) -> None:
    """A token is at least a byte, so bytes bound the work."""
    num_targets = [len(example.all_targets) for example in examples]
    num_cells = len(prompts) * sum(num_targets)
    if num_cells > MAX_CELLS:
        raise InvalidInputError(
            f"{len(prompts)} prompts with {sum(num_targets)} answers are {num_cells:,} scores and at most "
            f"{MAX_CELLS:,} are made while somebody waits; give fewer prompts, units or rows, or submit a job"
        )
    rows = sum(
        num * sum(map(_num_bytes, example.all_fields.values())) + sum(map(_num_bytes, example.all_targets))
        for num, example in zip(num_targets, examples, strict=True)
    )
    total = sum(num_targets) * sum(map(_num_bytes, prompts)) + len(prompts) * rows
    if total > MAX_BYTES:
        raise InvalidInputError(
            f"every prompt with every row is {total:,} bytes of text and at most {MAX_BYTES:,} are scored while "
            "somebody waits; give fewer prompts, units or rows, or submit a job"
        )


def _num_bytes(text: str) -> int:
    return len(text.encode(errors="replace"))


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    total = sum(weights)  # divided by it first: a product with a tiny weight would lose its digits
    return sum(value * (weight / total) for value, weight in zip(values, weights, strict=True))


def _first(cell: float | list[float] | list[int]) -> float:
    return cell[0] if isinstance(cell, list) else cell
