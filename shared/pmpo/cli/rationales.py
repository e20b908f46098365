"""What a rationalize job made, for a person and for a program."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from pmpo.cli import words
from pmpo.cli.console import on_one_line, print_json, shown, stdout_console
from pmpo.cli.exits import JobError
from pmpo.contracts.jobdata import Row
from pmpo.contracts.modes import RationalesView
from pmpo.errors import InvalidInputError

MAX_LINE = 76


def print_rationales(found: RationalesView, *, as_json: bool, written: Path | None = None) -> None:
    """How many rows got a rationale, the rows themselves unless they were ``written``, and every row that got none."""
    if as_json:
        print_json({**found.model_dump(mode="json"), "written_to": None if written is None else str(written)})
        return
    console = stdout_console()
    num_rows = len(found.rows) + len(found.without)
    console.print(Text(f"{len(found.rows)} of {words.counted(num_rows, 'row')} got a rationale with a right answer."))
    if written is not None:
        console.print(Text(f"They are in {shown(str(written))}."), soft_wrap=True)
    else:
        for row in found.rows:
            console.print(Text(json.dumps(row, ensure_ascii=False)), soft_wrap=True)
    if found.without:
        console.print(Text("Rows without one (from 0):"))
    for lacking in found.without:
        console.print(Text(f"  {lacking.row:>4}  {on_one_line(lacking.detail, MAX_LINE - 8)}"))
    console.print(Text(f"Cost: {found.generated_tokens:,} tokens generated, {words.seconds(found.seconds)}."))


def refuse_nothing(found: RationalesView, out: Path, *, as_json: bool) -> None:
    """Say that no row got a rationale, instead of writing an empty file. People also get the reason for each row.

    Raises:
        JobError: there are no rows to write.
    """
    if found.rows:
        return
    if not as_json:
        print_rationales(found, as_json=False)
    often, _ = Counter(lacking.detail for lacking in found.without).most_common(1)[0]
    raise JobError(
        f"none of the {words.counted(len(found.without), 'row')} got a rationale that ends in the right answer (most "
        f"often: {shown(often)}), so {shown(str(out))} was not written; let a more capable model reason "
        "(models.target), or raise rationalize.samples or rationalize.max_tokens",
        job_id=found.job_id,
        code="no_rationales",
    )


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """The rows as JSON lines. Raises InvalidInputError: the file cannot be written."""
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    try:
        path.write_text(lines, encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be written: {error.strerror or error}") from None
