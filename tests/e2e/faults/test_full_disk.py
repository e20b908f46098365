"""The disk under Redis' append-only file is full for a while: writes wait, and nothing is lost or paid again."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.conftest import Jobs, repeatable, wait_for

from .conftest import Disturbed, started
from .figures import Figures
from .test_chaos import short_jobs, undisturbed_runs

DISK_MIB = 24
FULL_FOR_S = 12.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own, of a few MiB. Only the superuser can make one; elsewhere the test is skipped."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if made.returncode != 0:
        pytest.skip(f"no small disk can be made here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Nothing more can be written to the folder's disk meanwhile."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 4_096)
        with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0")
        yield
    finally:
        filler.unlink()


@pytest.mark.timeout(600)
def test_jobs_wait_while_the_disk_is_full(small_disk: Path, tmp_path: Path, figures: Figures) -> None:
    with started(tmp_path, disk=small_disk) as disturbed:
        _run(disturbed, small_disk, figures)


def _run(disturbed: Disturbed, disk: Path, figures: Figures) -> None:
    specs = short_jobs()[:2]
    with httpx.Client(base_url=disturbed.stack.api, timeout=90, trust_env=False) as http:
        jobs = Jobs(http)
        calm_ids, calm = undisturbed_runs(jobs, specs)
        ids = [jobs.submit(spec) for spec in specs]
        jobs.wait_for_event(ids[0], "search_started")
        with filled(disk):
            wait_for(lambda: _is_refused(http, specs[0]), "the refusal of a job", 60)
            assert http.get(f"/v1/jobs/{ids[0]}").status_code == 200, "what is known can still be read"
            time.sleep(FULL_FOR_S)
            states = [jobs.view(job_id)["state"] for job_id in ids]
            assert set(states) <= {"queued", "running", "succeeded"}, states
        freed_at = time.monotonic()
        wait_for(lambda: not _is_refused(http, specs[0]), "the end of the refusals", 60)
        seconds = time.monotonic() - freed_at
        views = [jobs.finish(job_id) for job_id in ids]
        assert [view["state"] for view in views] == ["succeeded"] * len(specs), views
        for job_id, calm_run in zip(ids, calm, strict=True):
            assert repeatable(jobs.result(job_id)) == repeatable(calm_run.result)
            assert repeatable(jobs.events(job_id)) == repeatable(calm_run.events)
        for job_id, calm_id in zip(ids, calm_ids, strict=True):
            paid_again = disturbed.proxy.questions[job_id] - disturbed.proxy.questions[calm_id]
            assert not paid_again, f"job {job_id} asked at another place than undisturbed"
    figures.record("full_disk", jobs=len(ids), full_for_s=FULL_FOR_S, seconds_until_writes_went_on=round(seconds, 1))


def _is_refused(http: httpx.Client, spec: dict[str, object]) -> bool:
    """Whether a new job is refused; always as something that passes, with what to do."""
    answer = http.post("/v1/jobs", json={**spec, "name": "more"})
    if answer.status_code == 201:
        time.sleep(0.5)  # each one is a job that must be done
        return False
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["retryable"]) == (503, "store_unavailable", True), problem
    assert "disk" in problem["detail"], problem
    return True
