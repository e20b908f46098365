"""What is said of a job and of its estimate fits its kind."""

from __future__ import annotations

from typing import Any

import pytest

from pmpo.cli.console import stdout_console
from pmpo.cli.estimate import print_estimate
from pmpo.cli.status import describe
from pmpo.client import Client
from pmpo.contracts.estimates import EstimateView

OF_A_SEARCH = {"round", "train loss", "verdict", "best prompt"}


@pytest.mark.parametrize(
    ("kind", "num_done", "names", "stopped"),
    [
        ("optimize", 3, OF_A_SEARCH, "every part that may go was tried"),
        ("compress", 3, OF_A_SEARCH, "every part that may go was tried"),
        ("evaluate", 2, {"prompts"}, "every prompt was measured"),
        ("rationalize", 0, set(), "every row was tried"),
    ],
)
def test_status_has_what_the_kind_has(api: Any, kind: str, num_done: int, names: set[str], stopped: str) -> None:
    api.add_job(stop_reason="all_tried", verdict="untested")
    with Client(api.url) as client:
        job = client.get_job("job-1")
    progress = job.progress.model_copy(update={"iteration": num_done, "max_iterations": num_done})
    told = dict(describe(job.model_copy(update={"kind": kind, "progress": progress})))
    assert (OF_A_SEARCH | {"prompts"}) & told.keys() == names
    assert told["stopped"] == stopped


@pytest.mark.parametrize("kind", ["optimize", "evaluate"])
def test_an_estimate_speaks_of_rounds_where_there_are_some(
    api: Any, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_estimate(stdout_console(), EstimateView.model_validate(api.estimate), kind)
    out = capsys.readouterr().out
    assert ("round" in out) is (kind == "optimize")
    assert ("for every prompt on every row\n" in out) is (kind == "evaluate")
