"""Lists keep their ids whole and on one line, whatever the width; a moment is named with its zone."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from pmpo.cli import clock
from pmpo.cli.main import main
from pmpo.cli.tables import Column, print_list

WIDTHS = (60, 80, 160)
ID = "dff0155fc25d841d0123456789abcdef"
NAME = "a job with quite a long name for a list"
COLUMNS = (Column("id"), Column("name", rank=1, least=8), Column("state"), Column("made", rank=2))


def lines(width: int, *row: str) -> list[str]:
    written = io.StringIO()
    print_list(Console(file=written, width=width, markup=False), COLUMNS, [row])
    return [line.rstrip() for line in written.getvalue().splitlines()]


@pytest.mark.parametrize("width", range(20, 170, 7))
def test_what_must_stay_whole_does_and_each_row_has_one_line(width: int) -> None:
    head, _, row = lines(width, ID, NAME, "succeeded", "2026-01-31 18:05 UTC")
    assert ID in row and "succeeded" in row
    assert len(row) <= max(width, len(ID) + 2 + len("succeeded"))
    assert ("made" in head) == ("UTC" in row)


def test_the_moment_gives_way_before_the_name_and_the_name_is_shortened_before_it_goes() -> None:
    assert lines(110, ID, NAME, "succeeded", "2026-01-31")[2].endswith("succeeded  2026-01-31")
    assert lines(85, ID, NAME, "succeeded", "2026-01-31")[2] == f"{ID}  {NAME}  succeeded"
    assert lines(60, ID, NAME, "succeeded", "2026-01-31")[2] == f"{ID}  a job with qui…  succeeded"
    assert lines(50, ID, NAME, "succeeded", "2026-01-31")[2] == f"{ID}  succeeded"


@pytest.mark.parametrize("width", WIDTHS)
def test_list(api: Any, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PMPO_URL", api.url)
    monkeypatch.setenv("COLUMNS", str(width))
    api.add_job(ID, name=NAME, state="succeeded")
    assert main(["list"]) == 0
    head, _, row = capsys.readouterr().out.splitlines()
    assert row.startswith(f"{ID}  a job") and " succeeded" in row
    assert len(row.rstrip()) <= width
    assert ("verdict" in head and "UTC" in row and NAME in row) == (width == 160)


def test_moments_have_their_zone() -> None:
    assert clock.utc(0) == "1970-01-01 00:00 UTC"
    assert clock.in_zone(0, "Europe/Berlin") == "1970-01-01 01:00 Europe/Berlin"
    assert clock.in_zone(0, "Europe/Nowhere") == "1970-01-01 00:00 UTC"
