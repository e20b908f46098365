"""Sentences, prompts and samples of the two editing skills."""

import random

import pytest

from nano_training.answers import option, text
from nano_training.conversations import draw_conversation, with_contradiction
from nano_training.corpus import shipped_forms
from nano_training.fillers import FILLERS
from nano_training.goals import Goal, clear_core, draw_goal, goal_for
from nano_training.grammar import expand, is_held_out, split
from nano_training.kinds.all import FAMILIES, HELD_OUT_FAMILIES
from nano_training.pairs import FLAWS, draw_pair
from nano_training.phrasings import split_phrasings
from nano_training.prompts import build_prompt
from nano_training.rewriting import draw_better_prompt, draw_flawed_prompt, draw_mask, draw_rewrite
from nano_training.styles import Style
from pmpo.optim.reading import parse_rewrite
from pmpo.text.units import segment

TRAIN, HELD = split_phrasings()


def test_a_pattern_stands_for_all_its_sentences() -> None:
    assert expand("{Find|Give} it{| now}.") == ("Find it.", "Find it now.", "Give it.", "Give it now.")
    seen, held = split(["{Find|Give|Name|Report} the {city|town|place}{| here| there}."])
    assert len(seen) + len(held) == 36
    assert set(held) == {sentence for sentence in (*seen, *held) if is_held_out(sentence)}


def test_every_requirement_has_many_phrasings_and_a_fifth_is_held_out() -> None:
    assert set(FAMILIES) <= set(TRAIN.tasks)
    for train, held in ((TRAIN.tasks, HELD.tasks), (TRAIN.styles, HELD.styles)):
        for key, sentences in train.items():
            assert len(sentences) >= 8
            assert held[key]
            assert not set(sentences) & set(held[key])
    num_train, num_held = (sum(len(rows) for rows in side.tasks.values()) for side in (TRAIN, HELD))
    assert 0.15 < num_held / (num_train + num_held) < 0.25
    assert len(FILLERS) >= 30


def test_training_never_uses_a_held_out_sentence_or_family() -> None:
    rng = random.Random(1)
    held = [sentence for rows in HELD.tasks.values() for sentence in rows]
    outside = [s for family in HELD_OUT_FAMILIES for s in (*TRAIN.tasks[family], *HELD.tasks[family])]
    shared = {s for rows in TRAIN.tasks.values() for s in rows}
    forbidden = [s for s in (*held, *outside) if s not in shared] + [s for s in outside if _is_only_of(s)]
    for _ in range(800):
        system = draw_conversation(rng, TRAIN)[0][1]
        assert not any(_stands_in(sentence, system) for sentence in forbidden)


def test_a_clear_prompt_states_every_requirement() -> None:
    rng = random.Random(2)
    for _ in range(200):
        goal = draw_goal(rng, repeat_share=0.0, min_requirements=2)
        purposes = [piece.purpose for piece in clear_core(rng, TRAIN, goal)]
        assert sorted(purposes) == sorted(name for name, _ in goal.requirements())
        assert len(purposes) >= 3


def test_a_contradiction_adds_one_sentence_about_the_same_thing() -> None:
    rng = random.Random(3)
    for _ in range(200):
        goal = draw_goal(rng, repeat_share=0.0)
        core = clear_core(rng, TRAIN, goal)
        found = with_contradiction(rng, TRAIN, goal, core)
        (wrong,) = [piece for piece in found if piece.purpose.startswith("wrong:")]
        assert wrong.purpose.removeprefix("wrong:") in {piece.purpose for piece in core}
        assert [piece for piece in found if piece is not wrong] == core


def test_spans_of_a_prompt_are_its_sentences() -> None:
    rng = random.Random(4)
    for _ in range(300):
        goal = draw_goal(rng)
        prompt = build_prompt(rng, clear_core(rng, TRAIN, goal), kind=goal.kind, num_fillers=2)
        assert [prompt.text[start:end] for _, start, end in prompt.spans()] == [
            piece.text for piece in prompt.pieces if piece.purpose != "slot"
        ]


def test_a_rewrite_repairs_one_to_three_flaws_keeps_what_is_right_and_the_placeholder_once() -> None:
    rng = random.Random(5)
    num_slots, repaired = 0, []
    for _ in range(600):
        goal = draw_goal(rng, repeat_share=0.0, min_requirements=2)
        flawed = draw_flawed_prompt(rng, TRAIN, goal)
        better = draw_better_prompt(rng, TRAIN, goal, flawed)
        wanted = {name for name, _ in goal.requirements()}
        before, after = _solved(flawed, wanted), _solved(better, wanted)
        assert before <= after
        repaired.append(len(after - before))
        if before != wanted:
            assert 1 <= len(after - before) <= 3
        if flawed.slot:
            num_slots += 1
            assert better.text.count(flawed.slot) == 1
        else:
            assert "{{" not in better.text
    assert num_slots > 20
    assert repaired.count(1) > 2 * (repaired.count(2) + repaired.count(3))


def test_a_rewrite_keeps_what_it_is_told_to_keep() -> None:
    rng, forms = random.Random(6), shipped_forms()
    num_kept = 0
    for _ in range(400):
        (_, _), (_, user), (_, answer) = draw_rewrite(rng, TRAIN, forms)
        line = next((line for line in user.splitlines() if line.startswith("Keep: ")), None)
        if line is not None:
            num_kept += 1
            for sentence in line.removeprefix("Keep: ").split(", "):
                assert sentence.rstrip(".") in answer
    assert num_kept > 50


def test_rewriting_samples_are_in_the_shipped_form() -> None:
    rng, forms = random.Random(7), shipped_forms()
    for _ in range(100):
        (_, system), (_, user), (role, answer) = draw_rewrite(rng, TRAIN, forms)
        assert (role, system) == ("assistant", forms.rewrite.system)
        assert user.endswith("Write a better prompt between <prompt> and </prompt>.")
        assert parse_rewrite(answer)


def test_masking_changes_nothing_but_the_tags() -> None:
    rng, forms = random.Random(8), shipped_forms()
    for _ in range(200):
        (_, _), (_, user), (_, marked) = draw_mask(rng, TRAIN, forms)
        prompt = marked.replace("<mask>", "").replace("</mask>", "")
        assert f"<prompt>\n{prompt}\n</prompt>" in user
        assert marked.count("<mask>") == marked.count("</mask>") == len(segment(prompt))


@pytest.mark.parametrize("slot", ["{{input}}", "{{ input }}"])
def test_a_placeholder_is_filled_wherever_it_stands(slot: str) -> None:
    rng = random.Random(9)
    goal = Goal("review", "city", Style(wrap="bold"), text("Oslo"))
    for _ in range(30):
        prompt = build_prompt(rng, clear_core(rng, TRAIN, goal), kind="review", num_fillers=1, slot=slot)
        assert prompt.text.count(slot) == 1
        assert prompt.slot == slot


@pytest.mark.parametrize("flaw", FLAWS)
def test_the_sides_of_a_pair_differ(flaw: str) -> None:
    rng = random.Random(10)
    goal = goal_for(rng, ("review", "city"))
    polite = Goal(goal.kind, goal.task, Style(prefix="polite", wrap="quotes"), goal.sample)
    for _ in range(50):
        pair = draw_pair(rng, polite, flaw=flaw, held_out=True)
        assert pair.chosen == polite.target(pair.item) != pair.rejected
        assert pair.rejected.startswith("With pleasure: ") or flaw != "wrong"
    with pytest.raises(ValueError, match="polite"):
        draw_pair(rng, Goal("review", "city", Style(), text("Oslo")), flaw="impolite", held_out=True)


def test_a_family_with_one_answer_has_no_wrong_pair() -> None:
    goal = Goal("choice", "first", Style(), option("A", "pear"))
    with pytest.raises(ValueError, match="no other answer"):
        draw_pair(random.Random(1), goal, flaw="wrong", held_out=True)


def _solved(prompt: object, wanted: set[str]) -> set[str]:
    purposes = {piece.purpose for piece in prompt.pieces}  # type: ignore[attr-defined]
    return {name for name in wanted if name in purposes and f"wrong:{name}" not in purposes}


def _is_only_of(sentence: str) -> bool:
    """Does no trained family share this sentence?"""
    others = [rows for family, rows in TRAIN.tasks.items() if family not in HELD_OUT_FAMILIES]
    return not any(sentence in rows for rows in others)


def _stands_in(sentence: str, prompt: str) -> bool:
    """As a sentence of its own: before it nothing, a space, a bullet or a line end."""
    at = prompt.find(sentence)
    return at >= 0 and (
        at == 0 or (prompt[at - 1] in " \n" and prompt[at - 2 : at - 1] in {".", "?", "-", "*", "!", ""})
    )
