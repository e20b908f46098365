"""What a compression found, for a person: the verdict about the margin, the tokens saved, every unit."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from pmpo.cli import words
from pmpo.cli.console import on_one_line
from pmpo.contracts.jobs import ResultView
from pmpo.contracts.modes import CompressionView, UnitFateView

MAX_TEXT = 52
KEPT = {
    "important": "needed",
    "train_loss": "needed once others were gone",
    "anchor": "a row needs it that must not get worse",
    "validation_loss": "the validation rows miss it",
    "last_unit": "nothing else is left",
    "budget": "not tried: the budget ran out",
}


def verdict(result: ResultView, found: CompressionView) -> str:
    """What the numbers allow to say about the shorter prompt."""
    if result.prompt_after == result.prompt_before:
        return "Nothing could be deleted; your prompt is kept."
    saved = f"{_saved(found)} fewer tokens"
    if result.test is None:
        return f"{saved}. Not tested: {words.counted(result.splits.test, 'test row')}, and 5 are the least."
    low, high = result.test.interval
    change = (
        f"on {words.counted(result.test.num_examples, 'row')} kept apart the loss changes by {low:+.3f} to {high:+.3f}"
    )
    if result.verdict == "confirmed":
        return f"{saved}, and not worse: {change} nats per token (95 % interval), which is below {found.margin:g}."
    return (
        f"{saved}, but a loss of {found.margin:g} nats per token cannot be ruled out: {change} (95 % interval). "
        "More test rows, or a smaller compress.tolerance, would help."
    )


def units(found: CompressionView) -> RenderableType:
    """A line for each unit: what became of it, its importance, its text."""
    head = Text.assemble(
        ("Units: ", "bold"),
        f"{sum(unit.is_deleted for unit in found.units)} of {len(found.units)} deleted, {found.tokens_before} tokens "
        f"before and {found.tokens_after} after",
    )
    return Group(head, *_lines(found.units))


def _lines(fates: list[UnitFateView]) -> Iterator[Text]:
    for fate in fates:
        loss = "" if fate.validation_loss is None else f", validation loss {fate.validation_loss:.3f}"
        if fate.is_deleted:
            outcome = f"deleted, {words.counted(fate.num_tokens, 'token')} less{loss}"
        else:
            outcome = f"kept: {KEPT.get(fate.reason, fate.reason)}{loss}"
        yield Text(f"  {fate.importance:+.3f}  {on_one_line(fate.text, MAX_TEXT)}")
        yield Text(f"          {outcome}", style="dim")


def _saved(found: CompressionView) -> str:
    num_saved = found.tokens_before - found.tokens_after
    return f"{num_saved:,} of {found.tokens_before:,} ({words.percent(num_saved / found.tokens_before)})"
