"""The search's codes and numbers, in words that a newcomer understands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pmpo.contracts.jobs import ResultView, SplitSizes, TestView
from pmpo.contracts.modes import DemonstrationsView
from pmpo.contracts.registry import PromptRef

STOP_REASONS = {
    "iterations": "all rounds were used",
    "patience": "several rounds in a row found nothing better",
    "target": "the target loss was reached",
    "perfect": "every validation answer was right",
    "budget": "the budget was used up",
    "no_rewrites": "the rewriter had no new prompt to offer",
    "diverged": "the loss fell but the answers got worse",
    "cancelled": "the job was cancelled",
    "failed": "the job failed",
    "all_tried": "every part that may go was tried",
}

REJECTIONS = {
    "placeholders": "changed the placeholders",
    "protected_text": "changed protected text",
    "too_long": "longer than the prompt limit",
    "copies_data": "quoted the data",
    "duplicate": "tried before",
    "empty": "empty",
    "unparseable": "no prompt between the tags",
    "selection": "beaten by another candidate",
    "train_loss": "not better on the training rows",
    "validation_loss": "worse on the validation rows",
    "budget": "the budget ran out before they were scored",
    "last_unit": "nothing else is left",
    "anchor": "worse on a row that must not get worse",
}
MAX_NAMED_ROWS = 10
REFUSALS = frozenset({"placeholders", "protected_text", "too_long", "copies_data", "duplicate", "empty", "unparseable"})


LOSSES = {
    "supervised": "distance from the right answers",
    "preference": "how far the chosen answers are from winning",
    "options": "how far the right options are from winning",
}


def loss_legend(result: ResultView) -> str:
    """What the loss measures, in which form and unit; ``auto`` is none, it chooses pair by pair."""
    objective = result.objective
    form = "" if objective.kind == "supervised" or objective.form == "auto" else f" ({objective.form})"
    return f"loss: {LOSSES[objective.kind]}{form}, in {objective.unit}; lower is better"


def preferred(result: ResultView) -> str:
    """What the share of wins is a share of."""
    return "pairs won" if result.objective.kind == "preference" else "right option likeliest"


def flat_pairs(result: ResultView) -> str:
    """The rows that told no prompts apart, in a sentence; empty when there are none."""
    pairs = result.flat_pairs
    if not pairs:
        return ""
    named = ", ".join(str(pair.row) for pair in pairs[:MAX_NAMED_ROWS])
    more = f" and {len(pairs) - MAX_NAMED_ROWS} more" if len(pairs) > MAX_NAMED_ROWS else ""
    num_lost = sum(pair.mean_probability < 0.5 for pair in pairs)
    lost = f"; in {num_lost} the right answer is the unlikely one every time: look at the labels" if num_lost else ""
    return (
        f"{counted(len(pairs), 'training row')} hardly told the prompts apart "
        f"(rows {named}{more}, counted from 0){lost}."
    )


def stop_reason(code: str) -> str:
    """Why the search ended."""
    return STOP_REASONS.get(code, code.replace("_", " "))


def rejection(code: str) -> str:
    """Why a prompt is out."""
    return REJECTIONS.get(code, code.replace("_", " "))


def verdict(result: ResultView) -> str:
    """What the numbers allow to say, in one or two sentences."""
    if result.num_iterations == 0 and result.prompt_after == result.prompt_before:
        return f"No round was run: {stop_reason(result.stop_reason).replace(' was right', ' was already right')}."
    if result.prompt_after == result.prompt_before:
        return "No better prompt was found; yours is kept."
    if result.test is None:
        return _untested(result)
    rows = counted(result.test.num_examples, "row")
    evidence = f"{_change(result.test, result.objective.unit)} on {rows} that the search never saw"
    if result.verdict == "confirmed":
        return f"The new prompt is better: the loss {evidence}. Chance alone does that {_odds(result.test.p_value)}."
    return (
        f"Not proven: the loss {evidence}, which chance alone does {_odds(result.test.p_value)}. "
        "More test rows would tell; until then treat the new prompt with care."
    )


def rewrites(result: ResultView) -> str:
    """What became of every rewrite; empty when there was none. The parts add up to the whole."""
    num_refused = sum(item.reason in REFUSALS for item in result.rejected)
    num_written = result.num_candidates + num_refused
    if not num_written:
        return ""
    parts = [f"{result.num_accepted} accepted", f"{result.num_candidates - result.num_accepted} beaten or not better"]
    if num_refused:
        parts.append(f"{num_refused} refused before scoring")
    return f"{num_written} written in {counted(result.num_iterations, 'round')}: {', '.join(parts)}"


def seeds(result: ResultView) -> str:
    """What came of several seed prompts; empty when there was one."""
    if result.num_seeds < 2:
        return ""
    best = "a rewrite" if result.best_seed is None else f"your prompt {result.best_seed}, as you wrote it"
    return f"{result.num_seeds} seed prompts were compared; the result is {best}, tested against your first"


def is_told_by_verdict(result: ResultView) -> bool:
    """Whether the verdict says already what ``detail`` says: that there are too few test rows."""
    few = f"the test set has {result.splits.test} rows; at least"
    return result.detail.startswith(few) and verdict(result).startswith("Not tested: ")


def computed(result: ResultView) -> str:
    """How much of what was scored the model had to compute, in brackets; empty where that was all."""
    if result.computed_tokens >= result.scored_tokens:
        return ""
    if not result.computed_tokens:
        return " (none computed: all scores were known already)"
    return f" ({result.computed_tokens:,} computed, the rest was shared)"


def money(value: float | None) -> str:
    """Money in the operator's currency, whose name nobody knows here; empty where nothing has a price."""
    return "" if value is None else f"{value:,.4f} in money"


def demonstrations(found: DemonstrationsView) -> str:
    """Which rows were added as worked examples, and why no more."""
    why = f"{counted(found.num_tried, 'row')} tried; {found.detail}"
    if not found.rows:
        return f"none added ({why})"
    return f"{counted(len(found.rows), 'row')} of train added: {', '.join(map(str, found.rows))} (from 0; {why})"


def version(found: PromptRef) -> str:
    """Which version of which prompt."""
    return f"version {found.version} of {found.name}"


def kept_labels(found: PromptRef) -> list[str]:
    """Labels that a version did not get, and why: a half of a sentence each."""
    return [
        f"{label} stays at version {number}, whose test loss is lower"
        for label, number in sorted(found.kept_labels.items())
    ]


def registered(found: PromptRef) -> str:
    """What became of the winner, in sentences."""
    told = [f"The new prompt is {version(found)} in the registry", *map(sentence, kept_labels(found))]
    return ". ".join(told) + "."


def splits(sizes: SplitSizes) -> str:
    """How the rows are divided; of an evaluation, how many are measured."""
    if not sizes.train and not sizes.validation:
        return f"{sizes.test} to measure on"
    text = f"{sizes.train} to train, {sizes.validation} to validate, {sizes.test} to test"
    return f"{text}; {counted(sizes.unused, 'row')} unused" if sizes.unused else text


def counted(number: int, noun: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def sentence(text: str) -> str:
    """``text`` with a capital letter at its start."""
    return text[:1].upper() + text[1:]


def percent(share: float | None) -> str:
    """0.975 as 97.5 %; a dash for nothing."""
    return "-" if share is None else f"{100 * share:.3g} %"


def loss(value: float | None) -> str:
    """A loss, in the unit of the job's objective."""
    return "-" if value is None else f"{value:.3f}"


def seconds(value: float) -> str:
    """Seconds up to two minutes, then minutes and seconds."""
    if value < 120:
        return f"{value:.1f} s"
    return f"{int(value) // 60} min {int(value) % 60} s"


def duration(value: float) -> str:
    """About so long, without false precision."""
    if value < 90:
        return f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 5_400 else f"{value / 3_600:.1f} h"


def of_cap(used: int, cap: int | None) -> str:
    """``41,000 of 5,000,000``, or without a cap what was used alone."""
    return f"{used:,}" if cap is None else f"{used:,} of {cap:,}"


def measured(data: Mapping[str, Any]) -> str:
    """What one prompt of an evaluation came to, from its event or its part of the result, as plain values."""
    parts = [f"loss {loss(data['loss'])} ± {data['standard_error']:.3f}"]
    if data["accuracy"] is not None:
        parts.append(f"accuracy {percent(data['accuracy'])}")
    if data["preferred"] is not None:
        parts.append(f"right answer likeliest {percent(data['preferred'])}")
    return ", ".join(parts)


def p_value(value: float) -> str:
    """A p value without false precision."""
    return "p < 0.0001" if value < 0.0001 else f"p = {value:.2g}"


def _change(test: TestView, unit: str) -> str:
    verb = "fell" if test.difference < 0 else "rose"
    return f"{verb} by {abs(test.difference):.2f} {unit}"


def _odds(value: float) -> str:
    if value < 0.0001:
        return f"less than once in 10,000 times ({p_value(value)})"
    if value < 0.1:
        return f"about once in {round(1 / value):,} times ({p_value(value)})"
    return f"about {round(100 * value)} times in 100 ({p_value(value)})"


def _untested(result: ResultView) -> str:
    if result.stop_reason == "cancelled":
        return "Not tested: the job was cancelled. The losses below come from rows that the search looked at."
    few = f"{counted(result.splits.test, 'test row')} {'is' if result.splits.test == 1 else 'are'} fewer than 5"
    return (
        f"Not tested: {few}. The losses below come from rows that the search looked at; give more rows, or a test file."
    )
