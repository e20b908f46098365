import pytest

from benchmarks.scoring_speed.cases import PMPO, VLLM, VLLM_SUFFIX, Machine, planned_cases, sweep_cases, taking_part
from benchmarks.scoring_speed.contenders import padded, tree
from benchmarks.scoring_speed.shapes import SHAPES

CPU = Machine("cpu", "a processor", "bfloat16")
GPU = Machine("cuda", "a card", "bfloat16")
MACHINES = [CPU, Machine("cpu", "an old processor", "float32"), Machine("cpu", "x", "bfloat16", is_thorough=True), GPU]


@pytest.mark.parametrize("machine", MACHINES)
def test_every_case_has_a_place_of_its_own_and_ours_takes_part_in_it(machine: Machine) -> None:
    cases = [*planned_cases(machine), *sweep_cases(machine)]
    assert len({case.name for case in cases}) == len(cases)
    assert all(PMPO in case.contenders for case in cases)
    assert {case.shape.name for case in cases} == set(SHAPES)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_variant_is_one_that_its_contender_knows(machine: Machine) -> None:
    known = {"tree": set(tree.CALLS), "padded": set(padded.VARIANTS)}
    asked = {one for case in planned_cases(machine) for one in case.contenders if one.module in known}
    assert {(one.module, one.variant) for one in asked if one.variant not in known[one.module]} == set()


def test_large_models_are_for_gpus() -> None:
    assert {case.model for case in planned_cases(CPU)} == {"nano", "qwen2.5-0.5b"}
    assert {case.model for case in planned_cases(GPU)} == {"qwen2.5-0.5b", "qwen2.5-1.5b", "qwen2.5-7b"}


def test_the_sweep_grows_both_ways_eightfold() -> None:
    sizes = {(case.num_candidates, case.num_examples) for case in sweep_cases(CPU)}
    assert {(1, 32), (8, 32), (8, 4)} <= sizes


def test_who_cannot_run_here_is_told_with_the_reason(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.scoring_speed.processes.ENVIRONMENTS", tmp_path)
    case = next(case for case in planned_cases(CPU) if VLLM in case.contenders)
    there, absent = taking_part(case, CPU, None)
    assert PMPO in there
    assert VLLM not in there
    assert absent[VLLM.name] == "there is no environment .bench/vllm: make bench makes it"
    assert absent[VLLM_SUFFIX.name] == "needs a GPU"


def test_some_contenders_may_be_asked_for_alone() -> None:
    there, absent = taking_part(planned_cases(CPU)[0], CPU, frozenset({PMPO.name}))
    assert there == [PMPO]
    assert absent == {}
