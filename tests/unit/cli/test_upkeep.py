"""``pmpo export``, ``import``, ``gc`` and ``delete`` against the real API, or what it would answer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pmpo.cli.main import main
from pmpo.client import Client
from pmpo.contracts.upkeep import EndedJob, GcReport, ImportReport, SectionOutcome, UnreadableThing


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_a_project_is_exported_and_imported(live_api: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "all.tar.gz"
    assert _run(capsys, "export", "--to", str(path), "--url", live_api)[1].endswith("nothing: the project is empty\n")
    path.unlink()
    with Client(live_api, api_key="") as client:
        stored = client.create_dataset([{"input": "a", "target": "b"}])
        status, out, _ = _run(capsys, "export", "--to", str(path), "--url", live_api)
        assert (status, out) == (0, f"{path} holds 1 datasets\n")
        client.delete_dataset(stored.id)
    status, out, err = _run(capsys, "import", str(path), "--url", live_api)
    assert (status, err) == (0, "")
    assert "datasets: 1 added, 0 there already" in out
    status, out, _ = _run(capsys, "import", str(path), "--url", live_api, "--json")
    assert json.loads(out)["sections"]["datasets"]["present"] == 1
    status, out, err = _run(capsys, "export", "--to", str(path), "--url", live_api)
    assert (status, out) == (2, "")
    assert "is there already" in err


def test_what_differs_is_named(api: Any, double: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "all.tar.gz"
    path.write_bytes(b"x")
    unreadable = [UnreadableThing(name="j2", reason="its times are none")]
    sections = {
        "jobs": SectionOutcome(added=2, differing=["j1"], num_differing=1, unreadable=unreadable, num_unreadable=1)
    }
    report = ImportReport(exported_from="web", exported_at="now", sections=sections)
    api.faults.append(double.Fault(200, report.model_dump_json().encode(), {"content-type": "application/json"}))
    status, out, err = _run(capsys, "import", str(path), "--url", api.url)
    assert (status, out) == (0, "jobs: 2 added, 0 there already\n")
    assert "1 of jobs are there and differ, and were left as they are: j1" in " ".join(err.split())
    assert "1 of jobs cannot be read by this version, and were left out: j2 (its times are none)" in " ".join(
        err.split()
    )
    assert api.seen[-1].body == b"x"


@pytest.mark.parametrize("is_deleted", [False, True])
def test_gc_shows_what_goes(api: Any, double: Any, capsys: pytest.CaptureFixture[str], is_deleted: bool) -> None:
    report = GcReport(
        is_deleted=is_deleted,
        num_jobs=30,
        jobs=[EndedJob(id=f"j{number}", name="\x1b[31mred", state="failed", ended_at=0.0) for number in range(30)],
        num_spared=1,
        num_events=0,
        num_journals=2,
        num_orphans=1,
        orphans=["pmpo:job:gone:fence"],
    )
    api.faults.append(double.Fault(200, report.model_dump_json().encode(), {"content-type": "application/json"}))
    options = ["--older-than", "30", *(["--yes"] if is_deleted else [])]
    status, out, _ = _run(capsys, "gc", *options, "--url", api.url)
    assert status == 0
    assert json.loads(api.seen[-1].body) == {"confirm": is_deleted, "older_than_days": 30.0}
    assert f"{'deleted' if is_deleted else 'would go'}: 30 ended jobs, 2 journals, 1 thing of no job\n" in out
    remedy = f"Delete them with `pmpo gc --older-than 30 --url {api.url} --yes`"
    assert (remedy in " ".join(out.split())) is not is_deleted
    assert len(re.findall(r"^  j\d+  failed 1970-01-01", out, re.MULTILINE)) == 20
    assert "and 10 more" in out
    assert "1 job stay until" not in out
    assert "1 job stays until its webhook was called" in out
    assert "\x1b[31m" not in out


def test_gc_of_nothing(live_api: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = _run(capsys, "gc", "--url", live_api)
    assert (status, out) == (
        0,
        "nothing goes: no job ended longer ago than jobs are kept (PMPO_RETENTION_DAYS; --older-than DAYS takes "
        "another number), and everything belongs to a job\n",
    )
    status, out, _ = _run(capsys, "gc", "--yes", "--json", "--url", live_api)
    assert json.loads(out)["is_deleted"]


def test_a_job_that_is_not_there_is_not_deleted(live_api: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = _run(capsys, "delete", "gone", "--url", live_api)
    assert status == 2
    assert "there is no job 'gone'" in err
