"""The card and its tables come from the stored report; measuring gives the same numbers twice."""

import json

import pytest

from nano_training.paths import FACTS_FILE, MODEL_DIR, REPORT_FILE, TRANSFER_FILE
from nano_training.report.card import card, read_transfer
from nano_training.report.families import PROMPT_KINDS, Setting, Sizes, measure_family
from nano_training.report.loop import LoopRun
from nano_training.report.measure import Report
from nano_training.report.public import is_right_answer
from nano_training.report.tables import markdown, share_of_good_runs
from nano_training.scoring import Scorer


@pytest.fixture(scope="module")
def report() -> Report:
    return Report.from_dict(json.loads(REPORT_FILE.read_text(encoding="utf-8")))


def test_the_card_is_what_the_report_says(report: Report) -> None:
    shipped = (MODEL_DIR / "README.md").read_text(encoding="utf-8")
    assert shipped == card(report, FACTS_FILE, MODEL_DIR, read_transfer(TRANSFER_FILE))


def test_the_report_covers_every_family_and_kind_of_prompt(report: Report) -> None:
    cells = {(cell.family, cell.prompt_kind, cell.phrasing) for cell in report.cells}
    families = {family for family, _, _ in cells}
    assert len(families) >= 30
    assert {(family, kind, "unseen") for family in families for kind in PROMPT_KINDS} <= cells
    assert report.public, "the shipped report must be measured with the public files at hand"


def test_measuring_twice_gives_the_same(nano: Scorer) -> None:
    runs = [
        measure_family(nano, ("review", "city"), Setting(), Sizes(1, 2, seed=5), ("clear", "vague")) for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert [cell.num_scored for cell in runs[0]] == [2, 2]


@pytest.mark.parametrize(
    ("answer", "target", "is_right"),
    [
        ("True", "True", True),
        ("start F0\nF0 same.\nNo", "No", True),
        ("So the answer is (B).", "(B)", True),
        ("The answer is no", "No", False),
        ("", "Yes", False),
        ("a b\nb a", "a b", False),
    ],
)
def test_public_answers_are_read_from_their_last_line(answer: str, target: str, is_right: bool) -> None:
    assert is_right_answer(answer, target) is is_right


def test_a_good_run_is_close_and_took_three_to_eight_rewrites() -> None:
    def run(final: float, accepted: int) -> LoopRun:
        return LoopRun("a/b", 4, 1.0, 0.1, final, accepted, 9, "target", "p")

    assert share_of_good_runs([run(0.14, 3), run(0.14, 2), run(0.16, 3), run(0.05, 8)]) == 0.5


def test_tables_are_markdown() -> None:
    assert markdown(["a", "b"], [["1", "2"]]) == "| a | b |\n|---|---|\n| 1 | 2 |"
