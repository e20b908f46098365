"""The meta-prompts: what each must show, and that each asks for the tags that are read."""

import pytest

from pmpo.baselines import wording
from tests.unit.baselines.world import SPLITS

KEEP = ("{{input}}", "Be kind.")
ROWS = SPLITS.train[:2]
ALL = {
    "induction": wording.induction(ROWS, "Sort.", KEEP),
    "variation": wording.variation("P1", KEEP),
    "trajectory": wording.trajectory([("P1", "5"), ("P2", "7")], ROWS, "Sort.", KEEP),
    "crossover": wording.crossover("P1", "P2", KEEP),
    "difference": wording.difference("P1", ("P2", "P3"), "P4", KEEP),
}


@pytest.mark.parametrize("name", ALL)
def test_each_names_what_must_stay_and_ends_with_the_tags(name):
    system, user = ALL[name]
    assert (system.role, user.role) == ("system", "user")
    assert "letter by letter: {{input}}, Be kind." in user.content
    assert user.content.endswith("between <prompt> and </prompt>.")


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("induction", ["Input: w0 x0\nOutput: x0 w0", "Input: w1 x1\nOutput: x1 w1", "The task: Sort."]),
        ("variation", ["P1"]),
        ("trajectory", ["P1", "Score: 5", "P2", "Score: 7", "The task: Sort.", "Input: w1 x1"]),
        ("crossover", ["<A>\nP1\n</A>", "<B>\nP2\n</B>"]),
        ("difference", ["<A>\nP2\n</A>", "<B>\nP3\n</B>", "<best>\nP4\n</best>", "<current>\nP1\n</current>"]),
    ],
)
def test_each_shows_its_parts_in_order(name, texts):
    content = ALL[name][-1].content
    places = [content.index(text) for text in texts if not text.startswith("The task")]
    assert places == sorted(places)
    assert all(text in content for text in texts)


def test_what_is_not_given_leaves_no_line():
    content = wording.induction(ROWS, "", ())[-1].content
    assert "The task" not in content
    assert "letter by letter" not in content
    assert "\n\n\n" not in content
