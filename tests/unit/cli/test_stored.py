"""``pmpo datasets push``, ``list``, ``rm`` and ``check``, against the real API."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pmpo.cli.main import main
from pmpo.data.rows import content_id
from pmpo.data.sampling import sample_rows

ROWS = [{"input": f"in {number}", "target": f"out {number}"} for number in range(40)]


@pytest.fixture(autouse=True)
def address(live_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMPO_URL", live_api)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "cities.jsonl", ROWS)


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["datasets", "list", "--json"]) == 0
    return list(json.loads(capsys.readouterr().out)["datasets"])


def test_push_prints_the_id_alone_and_says_what_it_is(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(file, [*ROWS, ROWS[0]])
    assert main(["datasets", "push", str(file)]) == 0
    said = capsys.readouterr()
    assert said.out == content_id([*ROWS, ROWS[0]]) + "\n"
    assert said.err == "cities: 41 rows in 1,454 bytes, of which 1 repeats another.\n"
    assert main(["datasets", "push", str(file)]) == 0
    assert " ".join(capsys.readouterr().err.split()).endswith("repeats another; these rows were stored already.")
    [view] = listed(capsys)
    assert (view["name"], view["num_rows"]) == ("cities", 41)


def test_push_with_json_prints_the_view(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "push", str(file), "--name", "mine", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["id"] == content_id(ROWS)
    assert json.loads(said.out)["name"] == "mine"
    assert said.err == ""


def test_too_many_rows_are_refused_with_the_limit_and_the_command_that_then_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "many.jsonl"
    with path.open("w", encoding="utf-8") as stream:
        for number in range(1_000_000):
            stream.write(f'{{"input": "in {number}", "target": "out"}}\n')
    assert main(["datasets", "push", str(path)]) == 2
    refusal = capsys.readouterr().err
    assert "more than 50,000 rows; a data set has at most 50,000 rows and 50 MB; send a sample" in refusal
    assert "`pmpo datasets push FILE --sample 10000 --seed 0`" in refusal
    assert main(["datasets", "push", str(path), "--sample", "10000", "--seed", "0"]) == 0
    wanted = content_id([{"input": f"in {row}", "target": "out"} for row in sample_rows(1_000_000, 10_000, 0)])
    said = capsys.readouterr()
    assert said.out.strip() == wanted
    assert said.err.startswith("many: 10,000 rows in ")
    assert " ".join(said.err.split()).endswith("drawn from 1,000,000 rows by seed 0.")


def test_no_rows_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "push", str(write(tmp_path / "none.jsonl", []))]) == 2
    assert "the data holds no rows; give 1 to 50,000" in capsys.readouterr().err
    assert listed(capsys) == []


def test_standard_input_a_delimiter_and_renamed_keys(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = "review;city\n" + "".join(f"in {number};out {number}\n" for number in range(40))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(table.encode())))
    form = ["--format", "csv", "--delimiter", ";", "--field", "input=review", "--field", "target=city"]
    assert main(["datasets", "push", "-", *form]) == 0
    assert capsys.readouterr().out.strip() == content_id(ROWS)


def test_a_wrong_delimiter_is_told_with_the_command_that_then_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cities.csv"
    path.write_text("input;target\na;b\n", encoding="utf-8")
    assert main(["datasets", "push", str(path)]) == 2
    assert "by ';'; separate columns by commas" in capsys.readouterr().err
    assert main(["datasets", "push", str(path), "--delimiter", ";"]) == 0


def test_a_seed_without_a_sample_is_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "push", str(file), "--seed", "3"]) == 2
    assert "add --sample N" in capsys.readouterr().err


def test_list_and_rm(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "list"]) == 0
    assert "There are no data sets" in capsys.readouterr().out
    main(["datasets", "push", str(file)])
    dataset_id = capsys.readouterr().out.strip()
    assert main(["datasets", "list"]) == 0
    assert dataset_id in capsys.readouterr().out
    assert main(["datasets", "rm", dataset_id]) == 0
    assert main(["datasets", "rm", dataset_id]) == 2
    assert f"there is no data set '{dataset_id}'" in capsys.readouterr().err


def test_check_names_rows_keys_and_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = write(tmp_path / "train.jsonl", [*ROWS, {"input": "x", "target": ""}, ROWS[0]])
    gate = write(tmp_path / "gate.jsonl", [ROWS[3], {"input": "new", "target": "y"}])
    assert main(["datasets", "check", str(train), "--validation", str(gate)]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "train: 42 rows, 41 usable (supervised)" in said
    assert "1 problem: row 40 (from 0) of train, target: has an empty target ('target')" in said
    assert "1 repeated row: row 41 (from 0) of train is row 0 of train" in said
    assert "1 leaked row, whose input stands in an earlier set: row 0 (from 0) of validation is row 3 of train" in said
    assert "input 42 0 text 1 5 5 5" in said


def test_one_problem_of_many_rows_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("input,answer\n" + "".join(f"order {number},yes\n" for number in range(80)), encoding="utf-8")
    assert main(["datasets", "check", str(path)]) == 1
    out = capsys.readouterr().out
    [line] = [line for line in out.splitlines() if "target" in line and "rows" in line]
    assert line.startswith("  80 rows, 0, 1, 2, 3, 4 and 75 more (from 0) of train, target: ")
    assert "80 problems:" in out and "--json" not in out


def test_check_of_good_data_needs_no_service(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMPO_URL", "http://127.0.0.1:9")
    assert main(["datasets", "check", str(file)]) == 0
    assert "A job can use every row." in capsys.readouterr().out
    assert main(["datasets", "check", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["is_usable"] is True


def test_check_sees_pairs_in_their_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [{"input": str(number), "chosen": "a", "rejected": "b"} for number in range(3)]
    assert main(["datasets", "check", str(write(tmp_path / "pairs.jsonl", pairs))]) == 0
    assert "(preference)" in capsys.readouterr().out
    assert main(["datasets", "check", str(tmp_path / "pairs.jsonl"), "--kind", "supervised", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["problems"][0]["field"] == "target"
    assert "set objective.kind to preference" in report["problems"][0]["reason"]


def test_check_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "check", str(write(tmp_path / "none.jsonl", []))]) == 1
    assert "Train has 0 rows and a job takes at least 3" in capsys.readouterr().out
