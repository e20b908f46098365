"""Prompts of the registry for a person: the list of them, and the history of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console, RenderableType
from rich.text import Text

from pmpo.cli import clock, words
from pmpo.cli.console import on_one_line
from pmpo.cli.report import indented
from pmpo.cli.tables import Column, print_list
from pmpo.contracts.prompts import LabelMove, PromptSummary, PromptVersionView

MAX_TEXT = 200
COLUMNS = (
    Column("name"),
    Column("versions", rank=2, is_number=True),
    Column("labels", rank=1, least=12),
    Column("newest", rank=3),
)


def print_prompts(console: Console, found: Sequence[PromptSummary]) -> None:
    """One line a prompt, its name whole."""
    rows = [(each.name, str(each.num_versions), _labels(each.labels), clock.utc(each.updated_at)) for each in found]
    print_list(console, COLUMNS, rows)


def prompt_log(
    versions: Sequence[PromptVersionView], moves: Sequence[LabelMove], console: Console
) -> Iterator[RenderableType]:
    """The versions, a few lines each, and below them the moves of labels, where there are any."""
    for version in versions:
        labels = "".join(f"  [{label}]" for label in version.labels)
        head = (f"version {version.version}", "bold")
        yield Text.assemble(head, f"  {clock.utc(version.created_at)}", (labels, "green"))
        for line in (*_source(version), on_one_line(version.prompt, MAX_TEXT)):
            yield indented(Text(line), console)
        yield Text()
    if moves:
        yield Text("Labels", style="bold")
    for move in moves:
        yield Text(f"  {clock.utc(move.moved_at)}  {move.label}: {_path(move)}")


def _path(move: LabelMove) -> str:
    origin = "" if move.from_version is None else f"from version {move.from_version} "
    how = {"promote": "", "rollback": " (rolled back)", "automatic": " (by a job)"}[move.kind]
    return f"{origin}to version {move.to_version}{how}"


def _source(version: PromptVersionView) -> Iterator[str]:
    """Who made it, and what a job measured."""
    lineage = version.lineage
    parent = "" if version.parent is None else f", from version {version.parent}"
    yield f"by a person{parent}" if lineage is None else f"by job {lineage.job_id}{parent}"
    if version.note:
        yield f"note: {on_one_line(version.note, MAX_TEXT)}"
    if lineage is not None:
        before, after = words.loss(lineage.validation_loss_before), words.loss(lineage.validation_loss_after)
        yield f"validation loss {before} → {after}, {lineage.verdict}"


def _labels(found: Mapping[str, int]) -> str:
    return ", ".join(f"{label}: {version}" for label, version in sorted(found.items())) or "-"
