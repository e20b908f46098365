"""How a job came to its prompt, for a person: rounds, lineage, units over time, demonstrations that were tried."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.text import Text

from pmpo.cli import words
from pmpo.cli.console import on_one_line, shown
from pmpo.cli.report import diff_text, has_colour, indented
from pmpo.cli.tables import plain_table
from pmpo.contracts.reports import LineageStep, ReportView, UnitsView

MAX_TEXT = 52
SOURCES = {"rule": "by rule", "model": "by the model"}


def agreement(found: ReportView) -> RenderableType | None:
    """How losses and answers went together; None before there are candidates."""
    return Text(found.correlation.sentence) if found.candidates else None


def rounds(found: ReportView) -> RenderableType | None:
    """The incumbent's losses round by round, and what was used until then; None before the first round's end."""
    if len(found.curve) < 2:
        return None
    table = plain_table()
    for name in ("round", "train loss", "validation loss", "tokens scored", "generated"):
        table.add_column(name, justify="right")
    table.add_column("")
    for point in found.curve:
        used = ["-" if used is None else f"{used:,}" for used in (point.scored_tokens, point.generated_tokens)]
        losses = words.loss(point.train_loss), words.loss(point.validation_loss)
        table.add_row(str(point.iteration), *losses, *used, "accepted" if point.accepted else "")
    return Group(Text("Rounds", style="bold"), table)


def lineage(found: ReportView, console: Console) -> RenderableType | None:
    """Each step from a seed prompt to the best one; None where there is no step."""
    if len(found.lineage) < 2:
        return None
    first, *others = found.lineage
    parts: list[RenderableType] = [Text("Lineage", style="bold"), Text(_about(first), style="dim")]
    parts.append(indented(Text(shown(first.prompt)), console))
    for step in others:
        change = diff_text(((piece.op, piece.text) for piece in step.diff), has_colour=has_colour(console))
        parts += [Text(_about(step), style="dim"), indented(change, console)]
    return Group(*parts)


def units(found: ReportView) -> RenderableType | None:
    """The importances of each analysis, in reading order; None where there was none."""
    if not found.units:
        return None
    head = Text.assemble(("Units ", "bold"), ("(rise of the training loss without each, ± standard error)", "dim"))
    return Group(head, *(line for analysis in found.units for line in _analysis(analysis)))


def demonstrations(found: ReportView) -> RenderableType | None:
    """What was tried as the next demonstration; None where nothing was."""
    if not found.demonstration_steps:
        return None
    lines = []
    for step in found.demonstration_steps:
        lowest = words.loss(min(step.validation_losses, default=None))
        chosen = "none helped" if step.chosen_row is None else f"row {step.chosen_row} was added"
        tried = f"{words.counted(len(step.rows), 'row')} tried, lowest validation loss {lowest}"
        lines.append(Text(f"  step {step.step}: {tried}; {chosen}"))
    return Group(Text("Demonstrations that were tried", style="bold"), *lines)


def _about(step: LineageStep) -> str:
    came = f"round {step.iteration}" if step.iteration else "seed prompt"
    row = "" if step.example_row is None else f", for row {step.example_row}"
    losses = f"train {words.loss(step.train_loss)}, validation {words.loss(step.validation_loss)}"
    right = "" if step.validation_accuracy is None else f", {words.percent(step.validation_accuracy)} right"
    return f"candidate {step.candidate_id}, {came}{row}: {losses}{right}"


def _analysis(analysis: UnitsView) -> Iterator[Text]:
    found = f"{words.counted(len(analysis.units), 'unit')} found {SOURCES[analysis.source]}"
    yield Text(f"  round {analysis.iteration}, candidate {analysis.candidate_id}: {found}", style="dim")
    for unit in analysis.units:
        yield Text(f"    {unit.delta:+.3f} ± {unit.standard_error:.3f}  {on_one_line(unit.text, MAX_TEXT)}")
