"""Sentences, prompts and samples of the two editing skills."""

import random

import pytest

from nano_training.conversations import FAMILIES, Goal, clear_core, draw_goal
from nano_training.corpus import shipped_forms
from nano_training.formats import FORMAT_NAMES, apply_format
from nano_training.phrasings import FILLERS, split_phrasings
from nano_training.prompts import build_prompt
from nano_training.rewriting import draw_better_prompt, draw_flawed_prompt, draw_mask, draw_rewrite
from nano_training.task_phrasings import DESCRIPTIONS
from pmpo.optim.reading import parse_rewrite
from pmpo.text.units import segment

TRAIN, HELD = split_phrasings()


def test_every_task_and_format_has_at_least_five_phrasings_and_one_held_out() -> None:
    assert len(FORMAT_NAMES) >= 4
    assert set(DESCRIPTIONS) == set(FAMILIES)
    for train, held, keys in ((TRAIN.tasks, HELD.tasks, FAMILIES), (TRAIN.formats, HELD.formats, FORMAT_NAMES)):
        for key in keys:
            assert len(train[key]) >= 5
            assert held[key]
            assert not set(train[key]) & set(held[key])


def test_the_split_of_the_phrasings_is_fixed_by_its_seed() -> None:
    assert split_phrasings() == (TRAIN, HELD)
    assert split_phrasings(1) != (TRAIN, HELD)


def test_formats_differ() -> None:
    assert len({apply_format(name, "Paris") for name in FORMAT_NAMES}) == len(FORMAT_NAMES)
    assert len(FILLERS) >= 30


def test_spans_of_a_prompt_are_its_sentences() -> None:
    rng = random.Random(1)
    for _ in range(300):
        goal = draw_goal(rng)
        prompt = build_prompt(rng, clear_core(rng, TRAIN, goal), kind=goal.kind, num_fillers=2)
        assert [prompt.text[start:end] for _, start, end in prompt.spans()] == [
            piece.text for piece in prompt.pieces if piece.purpose != "slot"
        ]


def test_a_rewrite_names_task_and_format_and_keeps_the_placeholder_once() -> None:
    rng = random.Random(2)
    num_slots = 0
    for _ in range(400):
        goal = draw_goal(rng, repeat_share=0.0)
        flawed = draw_flawed_prompt(rng, TRAIN, goal)
        better = draw_better_prompt(rng, TRAIN, goal, flawed).text
        assert any(sentence in better for sentence in TRAIN.tasks[goal.kind, goal.task])
        assert any(sentence in better for sentence in TRAIN.formats[goal.output])
        assert not any(sentence in better for sentence in FILLERS)
        if flawed.slot:
            num_slots += 1
            assert better.count(flawed.slot) == 1
        else:
            assert "{{" not in better
    assert num_slots > 20


def test_rewriting_samples_are_in_the_shipped_form() -> None:
    rng, forms = random.Random(3), shipped_forms()
    for _ in range(100):
        (_, system), (_, user), (role, answer) = draw_rewrite(rng, TRAIN, forms)
        assert (role, system) == ("assistant", forms.rewrite.system)
        assert user.endswith("Write a better prompt between <prompt> and </prompt>.")
        assert parse_rewrite(answer)


def test_masking_changes_nothing_but_the_tags() -> None:
    rng, forms = random.Random(4), shipped_forms()
    for _ in range(200):
        (_, _), (_, user), (_, marked) = draw_mask(rng, TRAIN, forms)
        prompt = marked.replace("<mask>", "").replace("</mask>", "")
        assert f"<prompt>\n{prompt}\n</prompt>" in user
        assert marked.count("<mask>") == marked.count("</mask>") == len(segment(prompt))


@pytest.mark.parametrize("slot", ["{{input}}", "{{ input }}"])
def test_a_placeholder_is_filled_wherever_it_stands(slot: str) -> None:
    rng = random.Random(5)
    goal = Goal("word", "upper", "plain")
    for _ in range(30):
        prompt = build_prompt(rng, clear_core(rng, TRAIN, goal), kind="word", num_fillers=1, slot=slot)
        assert prompt.text.count(slot) == 1
        assert prompt.slot == slot
