from typing import Any

import pytest

from benchmarks.scoring_speed.summary import case_summary, linearity, table
from benchmarks.scoring_speed.work import ModelSize, budget_bytes, count_work

ITEMS = [((1, 2), (3, 9)), ((1, 2), (4, 9))]
SIZE = {
    "body_parameters": 1000,
    "num_layers": 2,
    "attention_width": 8,
    "hidden_size": 4,
    "vocabulary": 10,
    "weight_bytes": 2000,
    "key_value_bytes": 16,
    "widest_activation": 100,
}


def passed(seconds: float, *, passes: bool = True) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "computed_tokens": 4,
        "resident_bytes": 10,
        "peak_bytes": 2**30,
        "loaded_bytes": 2**29,
        "gate": {"max_abs_sum_nats": 1e-5 if passes else 1.0, "passed": passes},
        "versions": {"torch": "2"},
        "size": SIZE,
    }


def rounds(*pairs: tuple[float, float], **settings: Any) -> list[dict[str, Any]]:
    return [
        {"contenders": {"PMPO": passed(ours), "padded": passed(theirs, **settings)}, "load_1m": 0.1}
        for ours, theirs in pairs
    ]


def summary(measured: list[dict[str, Any]]) -> dict[str, Any]:
    return case_summary(ITEMS, measured, peak_flops_per_s=1e6, batch_tokens=100)


def test_ratios_are_taken_within_a_round() -> None:
    row = summary(rounds((1, 2), (10, 30), (1, 9)))["contenders"]["padded"]
    assert row["times_ours"] == 3
    assert row["seconds"] == {"median": 9, "min": 2, "max": 30, "num": 3}


def test_rates_and_the_share_of_the_peak_are_those_of_unique_tokens() -> None:
    row = summary(rounds((2, 4)))["contenders"]["PMPO"]
    flops = count_work(ITEMS).flops(ModelSize(**SIZE))
    assert row["unique_tokens_per_s"] == 2
    assert row["items_per_s"] == 1
    assert row["share_of_peak"] == pytest.approx(flops / 2 / 1e6)


def test_a_contender_outside_the_tolerance_in_any_round_has_no_time() -> None:
    measured = rounds((1, 2), (1, 2))
    measured[1]["contenders"]["padded"] = passed(2, passes=False)
    row = summary(measured)["contenders"]["padded"]
    assert "seconds" not in row
    assert row["gate"]["max_abs_sum_nats"] == 1.0
    assert "failed: its numbers are not those of plain scoring" in table({"case": summary(measured)})


def test_a_contender_that_did_not_answer_says_why_and_spoils_no_other() -> None:
    measured = rounds((1, 2))
    measured[0]["contenders"]["padded"] = {"error": "out of memory"}
    found = summary(measured)["contenders"]
    assert found["padded"] == {"failed": "out of memory"}
    assert found["PMPO"]["times_ours"] == 1


def test_without_ours_there_are_no_ratios() -> None:
    measured = rounds((1, 2))
    del measured[0]["contenders"]["PMPO"]
    assert summary(measured)["contenders"]["padded"]["times_ours"] is None
    assert summary(measured)["memory"] is None


def test_our_peak_is_held_against_what_was_loaded_and_the_budget() -> None:
    memory = summary(rounds((1, 2)))["memory"]
    budget = budget_bytes(ModelSize(**SIZE), 100)
    assert memory["budget_bytes"] == budget
    assert memory["peak_over_bound"] == pytest.approx(2**30 / (2**29 + budget))


def test_a_sweep_is_linear_when_every_unique_token_costs_the_same() -> None:
    found = linearity({"1x4": summary(rounds((2, 4))), "8x4": summary(rounds((3, 4)))})
    assert found["dearest_over_cheapest"] == pytest.approx(1.5)
    assert found["points"]["1x4"]["us_per_unique_token"] == pytest.approx(5e5)
    assert linearity({})["dearest_over_cheapest"] is None


def test_the_table_has_a_line_a_contender_and_says_who_was_not_run() -> None:
    lines = table({"nano/A": {**summary(rounds((1, 2))), "absent": {"vLLM": "needs a GPU"}}}).splitlines()
    assert len({line.count("|") for line in lines[:4]}) == 1
    assert lines[3].startswith("| nano/A | padded | 2.00 | 2.00 |")
    assert lines[4].startswith("| nano/A | vLLM | not run: needs a GPU |")
