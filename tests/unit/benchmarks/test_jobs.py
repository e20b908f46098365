import json
from pathlib import Path

import pytest

from benchmarks import optimizers, selection
from benchmarks.jobs import Sizes, chosen_jobs, job_table, without_absent
from pmpo.errors import InvalidInputError
from pmpo.optim.losses import Supervised
from pmpo.optim.preference import MultipleChoice, Preference

SIZES = Sizes(train=4, validation=2, test=6)


def public_folder(folder: Path, num_rows: int) -> Path:
    path = folder / "bbh" / "bbh" / "navigate.json"
    path.parent.mkdir(parents=True)
    rows = [{"input": f"question {row}", "target": "Yes"} for row in range(num_rows)]
    path.write_text(json.dumps({"examples": rows}))
    return folder


def test_public_jobs_without_their_data_are_left_out_with_a_sentence(tmp_path: Path) -> None:
    table = job_table(public_folder(tmp_path, 9))
    jobs, absent = without_absent([table["bbh-navigate"], table["bbh-object_counting"], table["review-city"]])
    assert [job.name for job in jobs] == ["bbh-navigate", "review-city"]
    assert absent.keys() == {"bbh-object_counting"}
    assert "there is no bbh/bbh/object_counting.json" in absent["bbh-object_counting"]
    assert without_absent(list(job_table(None).values()))[1].keys() == {
        name for name in job_table(None) if name.startswith("bbh-")
    }


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


def test_the_benchmarks_name_jobs_that_there_are_and_selection_has_every_kind_of_objective() -> None:
    assert {*selection.JOBS, *optimizers.JOBS} <= job_table(None).keys()
    chosen = chosen_jobs(job_table(None), selection.JOBS)
    objectives = [type(job.build(SIZES).objective) for job in chosen if not job.name.startswith("bbh-")]
    assert len(chosen) >= 8
    assert set(objectives) == {Supervised, Preference, MultipleChoice}
    assert sum(job.name.startswith("bbh-") for job in chosen) >= 2


@pytest.mark.parametrize("name", [name for name in job_table(None) if not name.startswith("bbh-")])
def test_generated_jobs_have_the_rows_that_were_asked_for_and_targets_that_their_grader_accepts(name: str) -> None:
    data = job_table(None)[name].build(SIZES)
    rows = (*data.splits.train, *data.splits.validation, *data.splits.test)
    assert len({row.input for row in rows}) == SIZES.total
    assert all(data.grader.grade(row, row.target) == 1.0 for row in rows)
    assert data.is_paired == name.startswith("pairs-")
    assert not any(data.grader.grade(row, other) for row in rows for other in row.targets[1:])
    assert data.digest() == job_table(None)[name].build(SIZES).digest()
