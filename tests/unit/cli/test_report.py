"""What a person sees of a result."""

from __future__ import annotations

import io
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

from pmpo.cli import words
from pmpo.cli.console import on_one_line, print_words, shown
from pmpo.cli.report import print_result, prompt_diff
from pmpo.contracts.jobs import ResultView


def printed(result: ResultView, *, is_terminal: bool = False, **more: Any) -> str:
    more = {"width": 80, "markup": False, "highlight": False, "emoji": False} | more
    console = Console(file=io.StringIO(), record=True, force_terminal=is_terminal, **more)
    print_result(console, result)
    return console.export_text(styles=is_terminal)


def joined(text: str) -> str:
    return " ".join(text.split())


def test_everything_that_matters_is_there(double: ModuleType) -> None:
    text = printed(double.make_result())
    for part in (
        "Verdict: confirmed",
        "The new prompt is better: the loss fell by 2.12 nats per token on 30 rows that the search never saw.",
        "Chance alone does that about once in 5,000 times (p = 0.0002).",
        "train loss (50 rows) 2.134 0.021 -2.113",
        "validation loss (20 rows) 2.200 0.031 -2.169",
        "test loss (30 rows) 2.150 0.025 -2.125",
        "test accuracy 0 % 96.7 % +96.7 points",
        "-2.310 to -1.940",
        "[-Process the input. Thank you-]{+Extract the city from the review. Answer with the city alone+}.",
        "Rewrites: 26 written in 3 rounds: 2 accepted, 23 beaten or not better, 1 refused before scoring 2 beaten by",
        "2 beaten by another candidate e.g. Process it.",
        "1 quoted the data",
        "Stopped because every validation answer was right.",
        "1,234,567 tokens scored (345,678 computed, the rest was shared), 3,412 generated, 8.2 s",
    ):
        assert part in joined(text)


def test_what_was_computed_is_said_where_it_differs(double: ModuleType) -> None:
    def cost(computed_tokens: int) -> str:
        return joined(printed(double.make_result(scored_tokens=51_372, computed_tokens=computed_tokens)))

    assert "Cost: 51,372 tokens scored (none computed: all scores were known already), 3,412 generated" in cost(0)
    assert "Cost: 51,372 tokens scored (372 computed, the rest was shared), 3,412 generated" in cost(372)
    assert "Cost: 51,372 tokens scored, 3,412 generated" in cost(51_372)


def test_too_few_test_rows_are_told_once_and_other_details_end_in_a_full_stop(double: ModuleType) -> None:
    untested = double.make_result()
    splits = untested.splits.model_copy(update={"test": 0})
    detail = "the test set has 0 rows; at least 5 are needed for a verdict"
    few = {"test": None, "verdict": "untested", "splits": splits, "stop_reason": "iterations"}
    text = joined(printed(untested.model_copy(update={**few, "detail": detail})))
    assert "Not tested: 0 test rows are fewer than 5." in text
    assert "Stopped because all rounds were used. Cost:" in text
    for given in ("it was late", "it was late."):
        text = joined(printed(untested.model_copy(update={**few, "detail": given})))
        assert "Stopped because all rounds were used. It was late. Cost:" in text


def test_no_line_is_wider_than_the_window(double: ModuleType) -> None:
    long = " ".join(f"word{number}" for number in range(200))
    text = printed(double.make_result(prompt_after=long, detail=long))
    assert max(len(line) for line in text.splitlines()) <= 80


def test_strangers_texts_are_shown_as_they_are(double: ModuleType) -> None:
    hostile = "[bold red]Oslo[/] [link=x] :smile: \x1b[2J\x07"
    result = double.make_result(prompt_after=hostile, detail=hostile, prompt_before="x")
    text = printed(result, is_terminal=True)
    assert "\x1b[2J" not in text and "\x07" not in text
    assert joined("[bold red]Oslo[/] [link=x] :smile: <U+001B>[2J<U+0007>") in joined(printed(result))


def test_colours_only_where_they_belong(double: ModuleType) -> None:
    result = double.make_result()
    assert "\x1b[" in printed(result, is_terminal=True)
    assert "{+" not in printed(result, is_terminal=True)
    assert "{+" in printed(result, is_terminal=True, no_color=True)
    assert "\x1b[" not in printed(result)


def test_an_unchanged_prompt(double: ModuleType) -> None:
    same = double.make_result(prompt_after="Process the input. Thank you.", verdict="unconfirmed")
    text = joined(printed(same))
    assert "No better prompt was found; yours is kept." in text
    assert "Prompt (unchanged)" in text


@pytest.mark.parametrize(
    ("stop_reason", "why"),
    [("perfect", "every validation answer was already right"), ("budget", "the budget was used up")],
)
def test_without_a_round(double: ModuleType, stop_reason: str, why: str) -> None:
    nothing = {"num_iterations": 0, "num_accepted": 0, "num_candidates": 0, "rejected": []}
    same = double.make_result(prompt_after="Process the input. Thank you.", stop_reason=stop_reason, **nothing)
    text = joined(printed(same))
    assert f"No round was run: {why}." in text
    assert "Rewrites" not in text and "No better prompt" not in text


def test_money_restarts_and_seed_prompts_are_said_where_there_were_any(double: ModuleType) -> None:
    plain = joined(printed(double.make_result()))
    assert "in money" not in plain and "seed prompts" not in plain and "runner-up" not in plain
    result = double.make_result(money=0.01234, num_restarts=2, num_seeds=3, best_seed=2)
    text = joined(printed(result))
    assert "8.2 s, 0.0123 in money." in text
    assert "Started again 2 times from a runner-up." in text
    assert "3 seed prompts were compared; the result is your prompt 2, as you wrote it, tested against" in text
    assert "the result is a rewrite" in joined(printed(double.make_result(num_seeds=2)))


def test_a_seed_prompt_that_lost_is_no_rewrite(double: ModuleType) -> None:
    seed = {"prompt": "My other prompt.", "reason": "train_loss", "detail": "", "iteration": 0}
    result = double.make_result(num_seeds=2)
    with_seed = double.make_result(num_seeds=2, rejected=[seed, *(item.model_dump() for item in result.rejected)])
    assert printed(with_seed) == printed(result)


def test_one_is_singular(double: ModuleType) -> None:
    result = double.make_result(
        num_iterations=1,
        num_accepted=1,
        num_candidates=1,
        rejected=[],
        splits={"train": 1, "validation": 1, "test": 1},
        test=None,
        verdict="untested",
        detail="the rest",
    )
    text = joined(printed(result))
    assert "Rewrites: 1 written in 1 round: 1 accepted, 0 beaten or not better" in text
    assert "train loss (1 row)" in text and "validation loss (1 row)" in text
    assert "1 test row is fewer than 5" in text and ". The rest" in text


def test_refusals_are_reasons_with_words() -> None:
    assert words.REFUSALS.issubset(words.REJECTIONS)


def test_lines_break_between_words_on_a_terminal() -> None:
    line = "All of it stops now. To keep it: pmpo up. See http://127.0.0.1:36253/a-long-address"
    narrow = Console(file=io.StringIO(), record=True, force_terminal=True, width=20)
    print_words(narrow, line)
    assert " ".join(narrow.export_text().split()) == line
    piped = Console(file=io.StringIO(), record=True, force_terminal=False, width=20)
    print_words(piped, line)
    assert piped.export_text() == f"{line}\n"


def test_a_gain_that_the_test_does_not_confirm(double: ModuleType) -> None:
    test = double.make_result().test.model_copy(update={"difference": -0.01, "p_value": 0.31})
    text = joined(printed(double.make_result(verdict="unconfirmed", test=test)))
    assert "Not proven: the loss fell by 0.01 nats per token" in text
    assert "chance alone does about 31 times in 100 (p = 0.31)" in text


def test_a_loss_that_rose(double: ModuleType) -> None:
    test = double.make_result().test.model_copy(update={"difference": 0.2, "p_value": 0.97})
    assert "rose by 0.20 nats" in words.verdict(double.make_result(verdict="unconfirmed", test=test))


def test_without_a_test(double: ModuleType) -> None:
    text = joined(printed(double.make_result(test=None, verdict="untested")))
    assert "Not tested: 30 test rows are fewer than 5." in text
    assert "test loss - - not tested" in text


def test_without_a_metric(double: ModuleType) -> None:
    test = double.make_result().test.model_copy(update={"accuracy_before": None, "accuracy_after": None})
    assert "accuracy" not in printed(double.make_result(test=test))


def test_the_diff_shows_both_texts() -> None:
    text = prompt_diff("Name the country.", "Name the city.", has_colour=True)
    assert text.plain == "Name the country city."
    assert [str(span.style) for span in text.spans] == ["red strike", "green"]
    assert prompt_diff("a b", "a c", has_colour=False).plain == "a [-b-]{+c+}"


@pytest.mark.parametrize(
    ("value", "expected"), [(0.00001, "less than once in 10,000"), (0.0002, "once in 5,000"), (0.25, "25 times in 100")]
)
def test_odds(double: ModuleType, value: float, expected: str) -> None:
    test = double.make_result().test.model_copy(update={"p_value": value})
    assert expected in words.verdict(double.make_result(test=test))


def test_every_code_of_the_algorithm_has_words() -> None:
    from typing import get_args

    from pmpo.optim.events import StopReason

    assert set(get_args(StopReason)) == set(words.STOP_REASONS)
    assert words.stop_reason("a_code_of_tomorrow") == "a code of tomorrow"
    assert words.rejection("a_code_of_tomorrow") == "a code of tomorrow"


def test_times() -> None:
    assert [words.seconds(value) for value in (0.04, 8.25, 119.94, 125)] == ["0.0 s", "8.2 s", "119.9 s", "2 min 5 s"]


def test_control_characters_become_visible() -> None:
    assert shown("a\tb\nc") == "a\tb\nc"
    assert shown("a\x1b\u202eb") == "a<U+001B><U+202E>b"
    assert on_one_line("a\n\n  b" + "c" * 20, 8) == "a bcccc…"


def test_a_result_of_pairs_speaks_of_pairs(double: ModuleType) -> None:
    base = double.make_result()
    won = {"accuracy_before": None, "accuracy_after": None, "preferred_before": 0.4, "preferred_after": 0.9}
    flat = [(3, 0.999), (11, 0.02)]
    result = double.make_result(
        objective={"kind": "preference", "form": "auto", "unit": "nats per pair"},
        test=base.test.model_copy(update=won).model_dump(),
        flat_pairs=[
            {"row": row, "mean_probability": mean, "standard_deviation": 0.001, "num_prompts": 9} for row, mean in flat
        ],
    )
    text = joined(printed(result))
    for part in (
        "the loss fell by 2.12 nats per pair on 30 rows",
        "loss: how far the chosen answers are from winning, in nats per pair; lower is better",
        "test pairs won 40 % 90 % +50 points",
        "2 training rows hardly told the prompts apart (rows 3, 11, counted from 0); in 1 the right answer is the "
        "unlikely one every time: look at the labels.",
    ):
        assert part in text
    assert "accuracy" not in text
    assert "per token" not in text


def test_many_flat_rows_are_counted_and_not_all_named(double: ModuleType) -> None:
    flat = [{"row": row, "mean_probability": 0.9, "standard_deviation": 0, "num_prompts": 9} for row in range(12)]
    result = double.make_result(
        flat_pairs=flat, objective={"kind": "options", "form": "pairs", "unit": "nats per pair"}
    )
    assert words.flat_pairs(result).startswith("12 training rows hardly told the prompts apart (rows 0, 1, 2,")
    assert words.flat_pairs(result).endswith("9 and 2 more, counted from 0).")
    assert words.flat_pairs(double.make_result()) == ""


def test_demonstrations_are_told(double: ModuleType) -> None:
    found = {"validation_loss_before": 2.0, "validation_loss_after": 1.0, "num_tried": 12, "detail": "none helped"}
    some = double.make_result(demonstrations={"rows": [4, 2], **found}, num_iterations=0)
    assert "Demonstrations: 2 rows of train added: 4, 2 (from 0; 12 rows tried; none helped)" in joined(printed(some))
    assert "The new prompt is better" in words.verdict(some)
    none = double.make_result(demonstrations={"rows": [], **found})
    assert "Demonstrations: none added (12 rows tried; none helped)" in joined(printed(none))
