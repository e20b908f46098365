"""Operators: the same ask in the rival's words or in the shared form; crossover by rule."""

import numpy as np
import pytest

from pmpo.baselines.operators import OwnOperator, SharedOperator, crossed, generation_requests, operator_of
from pmpo.baselines.rival import Ask
from pmpo.optim.events import Candidate
from pmpo.optim.proposing import STOP
from pmpo.optim.types import Message
from pmpo.text.placeholders import placeholders
from tests.unit.baselines.world import SPLITS, base, spec

OWN = (Message("system", "s"), Message("user", "u"))


def ask(num_samples=5, num_examples=3):
    return Ask(Candidate(0, "P"), OWN, "Base.", SPLITS.train[:num_examples], num_samples)


def test_own_words_are_passed_on_and_show_no_single_example():
    (wording,) = OwnOperator().wordings(ask())
    assert (wording.messages, wording.num_samples, wording.example_index) == (OWN, 5, None)


@pytest.mark.parametrize(("num_samples", "shares"), [(5, [2, 2, 1]), (8, [3, 3, 2]), (2, [1, 1]), (1, [1])])
def test_the_shared_form_divides_the_samples_among_the_examples(num_samples, shares):
    wordings = SharedOperator(base()).wordings(ask(num_samples))
    assert [wording.num_samples for wording in wordings] == shares
    assert [wording.example_index for wording in wordings] == list(range(len(shares)))
    assert wordings[0].messages[-1].content == "SHARED Base.\nw0 x0 -> x0 w0"


def test_requests_have_room_for_what_the_own_meta_prompt_writes_out():
    for operator, factor in (("own", 4), ("shared", 1)):
        settings = spec(operator=operator, max_prompt_tokens=20)
        first, *others = generation_requests(settings, operator_of(settings).wordings(ask()), 9, 4)
        assert first.max_tokens == 36 * factor
        assert first.stop == (STOP,)
        assert (first.temperature, first.top_p) == (base().sampling.temperature, base().sampling.top_p)
        assert all(other.seed != first.seed for other in others)


def test_a_cross_puts_a_unit_of_the_second_into_the_first_and_keeps_what_must_stay():
    first = "Read {{input}} well. Sort the words. Be kind. Use commas."
    second = "Look at {{input}} now. Reply in capitals. Be kind. Take your time."
    seen = set()
    for seed in range(60):
        child = crossed(first, second, ("{{input}}", "Be kind."), np.random.default_rng(seed))
        assert placeholders(child) == ("input",)
        assert child.count("Be kind.") == 1
        assert any(unit in child for unit in ("Look at", "now.", "Reply in capitals.", "Take your time."))
        seen.add(child)
    assert len(seen) > 4


def test_prompts_without_units_are_joined_or_the_second_is_taken():
    rng = np.random.default_rng(0)
    assert crossed("Sort it.", "Use commas.", (), rng) == "Sort it. Use commas."
    assert crossed("Sort it.", "Sort it.", (), rng) == "Sort it."
    assert crossed("{{input}}", "{{input}}", (), rng) == "{{input}}"
    assert crossed("Be kind", "Always: Be kind", ("Be kind",), rng).count("Be kind") == 1
