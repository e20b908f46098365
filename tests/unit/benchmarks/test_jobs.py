import json
from pathlib import Path

import pytest

from benchmarks.jobs import Sizes, chosen_jobs, job_table
from pmpo.errors import InvalidInputError

SIZES = Sizes(train=4, validation=2, test=6)


def public_folder(folder: Path, num_rows: int) -> Path:
    path = folder / "bbh" / "bbh" / "navigate.json"
    path.parent.mkdir(parents=True)
    rows = [{"input": f"question {row}", "target": "Yes"} for row in range(num_rows)]
    path.write_text(json.dumps({"examples": rows}))
    return folder


def test_public_jobs_are_there_where_the_data_is(tmp_path: Path) -> None:
    assert not any(name.startswith("bbh") for name in job_table(None))
    assert [name for name in job_table(public_folder(tmp_path, 9)) if name.startswith("bbh")] == ["bbh-navigate"]


def test_a_short_public_file_gives_what_is_left_to_test(tmp_path: Path) -> None:
    data = job_table(public_folder(tmp_path, 9))["bbh-navigate"].build(SIZES)
    assert [len(data.splits.train), len(data.splits.validation), len(data.splits.test)] == [4, 2, 3]
    rows = [row.input for row in (*data.splits.train, *data.splits.validation, *data.splits.test)]
    assert len(set(rows)) == 9


def test_the_digest_changes_with_the_data_and_only_with_test_for_the_test_set(tmp_path: Path) -> None:
    job = job_table(public_folder(tmp_path, 30))["bbh-navigate"]
    small, large = job.build(SIZES), job.build(Sizes(train=5, validation=2, test=6))
    assert small.digest() == job.build(SIZES).digest() != large.digest()
    assert small.digest() != small.digest(with_test=True)


def test_an_unknown_job_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no job 'nobody'"):
        chosen_jobs(job_table(None), ["nobody"])
