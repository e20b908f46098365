"""Files that are read on the caller's own machine: rows, or one sentence with what is wrong and where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st

from pmpo.data.loading import load_rows
from pmpo.errors import PmpoError
from pmpo.runs.jobfile import load_job

from .conftest import Share
from .inputs import CSV, JSON_LINES, YAML
from .tally import Tally, check_error, for_each, timed

pytestmark = pytest.mark.timeout(0)  # the long form takes long; each file has a deadline of its own


@pytest.mark.parametrize(
    ("suffix", "contents", "part"), [(".jsonl", JSON_LINES, 0.03), (".json", JSON_LINES, 0.02), (".csv", CSV, 0.05)]
)
def test_rows(
    *,
    tmp_path: Path,
    tally: Tally,
    share: Share,
    seed: int,
    suffix: str,
    contents: st.SearchStrategy[bytes],
    part: float,
) -> None:
    path = tmp_path / f"rows{suffix}"
    _read_all(path, lambda: load_rows(path), contents, tally=tally, num_inputs=share(part), seed=seed)


def test_job_files(tmp_path: Path, tally: Tally, share: Share, seed: int) -> None:
    path = tmp_path / "job.yaml"
    _read_all(path, lambda: load_job(path), YAML, tally=tally, num_inputs=share(0.05), seed=seed)


def _read_all(
    path: Path,
    read: Callable[[], object],
    contents: st.SearchStrategy[bytes],
    *,
    tally: Tally,
    num_inputs: int,
    seed: int,
) -> None:
    def check(content: bytes) -> None:
        path.write_bytes(content)

        def attempt() -> str:
            try:
                read()
            except PmpoError as error:
                check_error(error)
                return error.code
            return "read"

        timed(tally, f"a file {path.suffix}", attempt)

    for_each(contents, num_inputs, seed, check)
