"""What is said when a person stops to watch a job."""

from __future__ import annotations

from typing import Any

import pytest

from pmpo.cli.exits import INTERRUPTED, JobError
from pmpo.cli.watch import Watcher
from pmpo.client import Client
from pmpo.contracts.jobs import JobSpec


@pytest.mark.parametrize(
    ("is_passing", "sentence"),
    [(True, "stopped job job-1; it can be had again"), (False, "stopped watching job job-1; it can be had again")],
)
def test_ctrl_c_stops_a_job_or_the_watching_of_it(
    api: Any, monkeypatch: pytest.MonkeyPatch, is_passing: bool, sentence: str
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pmpo.cli.watch.JobProgress.apply", interrupted)
    rows = [{"input": f"in {number}", "target": "out"} for number in range(6)]
    spec = JobSpec.model_validate({"name": "cities", "prompt": "Process.", "dataset": {"train": rows}})
    watcher = Watcher(None, lambda _: "it can be had again", as_json=False, is_passing=is_passing)
    with Client(api.url) as client, pytest.raises(JobError) as raised:
        watcher.run_to_end(client, spec)
    assert (str(raised.value), raised.value.status) == (sentence, INTERRUPTED)
