import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks import scoring
from benchmarks.cells import Cells
from benchmarks.machine import ROOT
from benchmarks.scoring_speed.cases import PMPO, REFERENCE, Case
from benchmarks.scoring_speed.contenders.serving import Loading, write_items
from benchmarks.scoring_speed.hardware import find_machine
from benchmarks.scoring_speed.lineup import Lineup, open_lineup
from benchmarks.scoring_speed.measuring import Assignment, Rounds, reference
from benchmarks.scoring_speed.processes import ContenderError, ContenderProcess, run_module, surrounding_variables
from benchmarks.scoring_speed.shapes import SHAPES


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ContenderProcess]:
    started = ContenderProcess("padded", Path(sys.executable), 1, tmp_path / "padded.log")
    yield started
    started.close()


def test_a_contender_answers_in_json_and_an_error_does_not_end_it(
    process: ContenderProcess, tiny: Loading, tmp_path: Path
) -> None:
    write_items(tmp_path / "items.json", [((70, 71), (72, 73))])
    command = {"do": "score", "items": str(tmp_path / "items.json"), "variant": "full", "with_tokens": True}
    with pytest.raises(ContenderError, match="padded: AssertionError: load comes first"):
        process.ask(command)
    about = process.ask({"do": "load", **asdict(tiny)})
    assert {"torch", "transformers"} <= set(about["versions"])
    answer = process.ask(command)
    assert answer["sums"] == [pytest.approx(sum(answer["tokens"][0]))]
    assert answer["peak_bytes"] >= about["size"]["weight_bytes"]
    with pytest.raises(ContenderError, match="KeyError"):
        process.ask({**command, "variant": "no such thing"})


def test_a_contender_that_cannot_start_says_why(tmp_path: Path) -> None:
    started = ContenderProcess("no_such_module", Path(sys.executable), 1, tmp_path / "log")
    with pytest.raises(ContenderError, match=r"ended with exit code 1: .*no_such_module"):
        started.ask({"do": "load"})
    started.close()


def test_a_module_that_fails_is_told_with_its_last_line() -> None:
    with pytest.raises(ContenderError, match="random_model: KeyError: 'no such shape'"):
        run_module("random_model", ["no such shape", "nowhere"], 1)


def test_the_benchmark_and_its_engine_need_numpy_torch_and_transformers_alone() -> None:
    absent = ("matplotlib", "pydantic", "pydantic_settings", "httpx", "fastapi", "structlog", "lm_eval", "vllm")
    code = f"import sys; sys.modules.update(dict.fromkeys({absent}))\n"
    code += "import benchmarks.scoring, benchmarks.scoring_speed.contenders.tree, benchmarks.scoring_speed.matmul"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=surrounding_variables(1), check=True)


def assignment(tiny: Loading, folder: Path) -> Assignment:
    case = Case("tiny", "float32", SHAPES["E"], 2, 4, (PMPO,))
    return Assignment.save(case, case.items(512, 0), folder)


def test_rounds_that_are_kept_are_not_measured_again(tiny: Loading, tmp_path: Path) -> None:
    work, cells = assignment(tiny, tmp_path / "items"), Cells(tmp_path / "cells")
    with open_lineup(tiny, work.file, tmp_path / "logs") as lineup:
        right = reference(work, lineup, cells, {})
        measured = Rounds(lineup, cells, {"dtype": "float32"}).measure(work, [PMPO], right, 2)
    assert all(one["contenders"][PMPO.name]["gate"]["passed"] for one in measured)
    idle = Lineup(tiny, tmp_path / "no such file", tmp_path / "no logs")
    assert reference(work, idle, cells, {}) == right
    assert Rounds(idle, cells, {"dtype": "float32"}).measure(work, [PMPO], right, 2) == measured
    assert not (tmp_path / "no logs").exists()


def test_a_round_with_a_failure_is_shown_and_not_kept(tiny: Loading, tmp_path: Path) -> None:
    work, cells = assignment(tiny, tmp_path / "items"), Cells(tmp_path / "cells")
    nowhere = Loading(str(tmp_path / "nothing here"), "float32", "cpu", 1, 100)
    with open_lineup(nowhere, work.file, tmp_path / "logs") as lineup:
        with pytest.raises(ContenderError):
            reference(work, lineup, cells, {})
        (found,) = Rounds(lineup, cells, {}).measure(work, [PMPO, REFERENCE], [], 1)
    assert "error" in found["contenders"][PMPO.name]
    assert not list((tmp_path / "cells").rglob("round-*"))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_whole_run_writes_its_result_and_a_second_one_starts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = find_machine("cpu", is_thorough=False)
    threads = len(os.sched_getaffinity(0))
    key = {"device": machine.name, "threads": threads}
    Cells(tmp_path / "scoring").save("peak-float32", key, {"flops_per_s": 1e12})
    arguments = ["--device", "cpu", "--quick", "--models", "nano", "--shapes", "B", "--rounds", "1"]
    arguments += ["--contenders", "PMPO", "padded, full logits", "--results", str(tmp_path)]
    assert scoring.main(arguments) == 0
    assert "round-0" in capsys.readouterr().out
    result = json.loads((tmp_path / "scoring.json").read_text())
    rows = result["cases"]["nano-float32/B-2x4"]["contenders"]
    assert rows["padded, full logits"]["times_ours"] > 0
    assert rows["PMPO"]["computed_tokens"] < result["cases"]["nano-float32/B-2x4"]["raw_tokens"]
    assert set(result["sweep"]["points"]) == {"1x4", "2x4"}
    assert (tmp_path / "scoring.svg").read_text().startswith("<?xml")
    assert scoring.main(arguments) == 0
    assert "round-0" not in capsys.readouterr().out
    assert json.loads((tmp_path / "scoring.json").read_text())["cases"] == result["cases"]
