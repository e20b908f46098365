"""``pmpo prompts log``: a few whole lines a version, with the job's id on one of them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from pmpo.cli.history import prompt_log
from pmpo.contracts.prompts import PromptLineage, PromptVersionView

JOB_ID = "dff0155fc25d841d0123456789abcdef"


def said(width: int) -> list[str]:
    lineage = PromptLineage.model_construct(
        job_id=JOB_ID, validation_loss_before=3.206, validation_loss_after=0.713, verdict="confirmed"
    )
    first = PromptVersionView(
        name="cities",
        version=1,
        prompt="Name the city.",
        sha256="",
        created_at=0.0,
        source="person",
        note="begun",
        parent=None,
        labels=[],
        lineage=None,
        etag="",
    )
    second = first.model_copy(
        update={"version": 2, "labels": ["production"], "lineage": lineage, "parent": 1, "note": "", "prompt": "In c."}
    )
    written = io.StringIO()
    console = Console(file=written, width=width, markup=False)
    for part in prompt_log([second, first], [], console):
        console.print(part)
    return written.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80, 160])
def test_a_version_of_a_job_and_one_of_a_person(width: int) -> None:
    assert said(width) == [
        "version 2  1970-01-01 00:00 UTC  [production]",
        f"  by job {JOB_ID}, from version 1",
        "  validation loss 3.206 → 0.713, confirmed",
        "  In c.",
        "",
        "version 1  1970-01-01 00:00 UTC",
        "  by a person",
        "  note: begun",
        "  Name the city.",
        "",
    ]
