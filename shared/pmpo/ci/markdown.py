"""Standings as Markdown: a table of before and after, and for each prompt that changed its diff and its units."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pmpo.ci import words
from pmpo.ci.standing import Standing
from pmpo.contracts.modes import UnitFateView
from pmpo.text.diff import word_diff

MAX_DIFF_CHARACTERS = 6_000
_SIGNS = {"worse": "❌", "too high": "❌", "stale": "⚠️", "not locked": "⚠️"}
_GOOD = "✅"


@dataclass(frozen=True, slots=True)
class Unit:
    """A part of a prompt, and by how much the training loss rises without it."""

    text: str
    importance: float


def units_of(found: Sequence[UnitFateView]) -> tuple[Unit, ...]:
    """The units of a compression's view, the most important first."""
    units = [Unit(unit.text, unit.importance) for unit in found]
    return tuple(sorted(units, key=lambda unit: -unit.importance))


def comment(standings: Sequence[Standing], units: Mapping[str, Sequence[Unit]], left_over: Sequence[str] = ()) -> str:
    """The whole comment.

    Args:
        standings: every prompt.
        units: parts with their importances, by the name of the prompt; absent where nobody measured them.
        left_over: names that stand in the lock and not in ``pmpo.toml``.
    """
    failed = [standing for standing in standings if not standing.passes]
    head = (
        f"{len(failed)} of {len(standings)} need attention" if failed else f"{len(standings)} of {len(standings)} pass"
    )
    lines = [f"### Prompts: {head}", "", *_table(standings)]
    if left_over:
        lines += ["", f"In the lock and not in `pmpo.toml`: {', '.join(left_over)}. A refresh removes them."]
    for standing in standings:
        lines += _details(standing, units.get(standing.name, ()))
    return "\n".join(lines).rstrip() + "\n"


def _table(standings: Sequence[Standing]) -> list[str]:
    rows = ["| prompt | | loss before | loss after | change | 95 % interval |", "|---|---|---:|---:|---:|---|"]
    for standing in standings:
        said = words.state(standing)
        comparison = standing.comparison
        change = "–" if comparison is None else f"{comparison.difference:+.3f}"
        interval = "–" if comparison is None else f"{comparison.interval[0]:+.3f} to {comparison.interval[1]:+.3f}"
        cells = (
            f"`{standing.name}`",
            f"{_SIGNS.get(said, _GOOD)} {said}",
            _loss(standing.loss_before),
            _loss(standing.loss_after),
            change,
            interval,
        )
        rows.append(f"| {' | '.join(cells)} |")
    units = sorted({standing.unit for standing in standings if standing.unit})
    return [*rows, *(["", f"Losses in {', '.join(units)}; lower is better."] if units else [])]


def _details(standing: Standing, units: Sequence[Unit]) -> list[str]:
    said = [*words.reasons(standing), *filter(None, [words.evidence(standing)])]
    before = "" if standing.locked is None else standing.locked.text
    has_diff = standing.locked is not None and before != standing.text
    if not (said or has_diff or units):
        return []
    lines = ["", f"#### `{standing.name}` ({_code(standing.file)})", ""]
    lines += [f"- {_plain(sentence)}" for sentence in said]
    if has_diff:
        lines += [
            "",
            "What changed in the prompt (`[-removed-]` `{+added+}`):",
            "",
            *_fenced(_diff(before, standing.text)),
        ]
    if units:
        lines += ["", "What each part is worth (rise of the training loss without it):", "", "| part | |", "|---|---:|"]
        lines += [f"| {_cell(unit.text)} | {unit.importance:+.3f} |" for unit in units]
    return lines


def _diff(before: str, after: str) -> str:
    marks = {"equal": "{}", "delete": "[-{}-]", "insert": "{{+{}+}}"}
    text = "".join(marks[op].format(piece) for op, piece in word_diff(before, after))
    left_out = len(text) - MAX_DIFF_CHARACTERS
    return text if left_out <= 0 else f"{text[:MAX_DIFF_CHARACTERS]}\n… ({left_out:,} more characters)"


def _fenced(text: str) -> list[str]:
    """A code block whose fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", text, fence]


def _code(text: str) -> str:
    """A code span on one line."""
    line = " ".join(text.split())
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def _cell(text: str) -> str:
    """A code span inside a table, where a bar would end the cell."""
    line = " ".join(text.split())
    return _code(line if len(line) <= 200 else f"{line[:199]}…").replace("|", "\\|")


def _plain(text: str) -> str:
    """Text of which nothing is read as HTML, a mention or a link."""
    return re.sub(r"([\\<>*_\[\]#@|])", r"\\\1", text)


def _loss(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
