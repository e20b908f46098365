"""A job without a result, for a person: what it had found until now, and what it used."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.text import Text

from pmpo.cli import words
from pmpo.cli.console import shown
from pmpo.cli.report import diff_legend, has_colour, indented, prompt_diff
from pmpo.cli.tables import plain_table
from pmpo.contracts.reports import ReportView, UseView


def unfinished(found: ReportView, console: Console) -> list[RenderableType]:
    """Why there is no result, losses of the first prompt and of the best so far, what changed, what was used."""
    return [Text(shown(found.note)), _numbers(found), _prompt(found, console), Text(_used(found))]


def _numbers(found: ReportView) -> RenderableType:
    outcome = found.outcome
    table = plain_table()
    table.add_column("")
    for name in ("before", "so far"):
        table.add_column(name, justify="right")
    for name, before, after, show in (
        ("train loss", outcome.train_loss_before, outcome.train_loss_after, words.loss),
        ("validation loss", outcome.validation_loss_before, outcome.validation_loss_after, words.loss),
        ("validation accuracy", outcome.validation_accuracy_before, outcome.validation_accuracy_after, words.percent),
    ):
        table.add_row(name, show(before), show(after))
    rounds = f"round {outcome.num_iterations} of {outcome.max_iterations}, losses in {found.objective.unit}"
    return Group(table, Text(rounds, style="dim"))


def _prompt(found: ReportView, console: Console) -> RenderableType:
    before, after = found.outcome.prompt_before, found.outcome.prompt_after
    if before == after:
        return Group(Text("Prompt (unchanged so far)", style="bold"), indented(Text(shown(after)), console))
    return Group(
        Text.assemble(("What changed so far ", "bold"), (f"({diff_legend(console)})", "dim")),
        indented(prompt_diff(before, after, has_colour=has_colour(console)), console),
    )


def _used(found: ReportView) -> str:
    budget = found.budget
    parts = [
        f"{_of_cap(budget.scored_tokens)} tokens scored",
        f"{_of_cap(budget.generated_tokens)} generated",
        words.seconds(budget.seconds.used),
    ]
    if budget.money is not None:
        parts.append(words.money(budget.money.used))
    return f"Used: {', '.join(parts)}."


def _of_cap(use: UseView) -> str:
    return f"{use.used:,.0f}" if use.cap is None else f"{use.used:,.0f} of {use.cap:,.0f}"
