"""Inputs: drawn from the right side, never public, and every trained one checked against the public files."""

import json
import random

import pytest

from nano_training.conversations import draw_conversation
from nano_training.entities import CITIES, NAMES, PRODUCTS, held_entities, made_up_name, train_entities
from nano_training.kinds.all import (
    FAMILIES,
    HELD_OUT_FAMILIES,
    KINDS,
    PUBLIC_KINDS,
    TRAINED_FAMILIES,
    draw_item,
    is_held_out,
)
from nano_training.phrasings import split_phrasings
from nano_training.public_inputs import PUBLIC_TASKS, digest, is_public
from tests.public_data import public_data


@pytest.mark.parametrize("kind", KINDS)
def test_a_draw_is_decided_by_its_generator(kind: str) -> None:
    draws = [draw_item(random.Random(7), kind, held_out=False) for _ in range(2)]
    assert draws[0] == draws[1]
    assert {task for family, task in FAMILIES if family == kind} == set(draws[0].answers)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "word"])
def test_training_and_held_out_inputs_are_divided_by_their_digest(kind: str) -> None:
    rng = random.Random(3)
    for held_out in (False, True):
        assert {is_held_out(draw_item(rng, kind, held_out=held_out).text) for _ in range(40)} == {held_out}


def test_there_are_enough_families_and_three_of_them_are_never_trained() -> None:
    assert len(TRAINED_FAMILIES) >= 30
    assert len(KINDS) >= 6
    assert all(sum(kind == family[0] for family in FAMILIES) >= 2 for kind in KINDS)
    assert len(HELD_OUT_FAMILIES) == 3
    assert set(TRAINED_FAMILIES) | set(HELD_OUT_FAMILIES) == set(FAMILIES)
    assert len(FAMILIES) == len(TRAINED_FAMILIES) + 3


def test_some_names_are_kept_for_measuring() -> None:
    train, held = train_entities(), held_entities()
    for name, whole in (("cities", CITIES), ("names", NAMES), ("products", PRODUCTS)):
        assert not set(getattr(train, name)) & set(getattr(held, name))
        assert set(getattr(train, name)) | set(getattr(held, name)) == set(whole)
        assert len(getattr(held, name)) >= 5
    rng = random.Random(1)
    assert all(name.isalpha() and name[0].isupper() for name in (made_up_name(rng) for _ in range(200)))


def test_no_training_conversation_holds_a_held_out_or_public_input() -> None:
    rng, phrasings = random.Random(4), split_phrasings()[0]
    inputs = [
        content
        for _ in range(1500)
        for role, content in _with_system(draw_conversation(rng, phrasings))
        if role == "user" and " " in content
    ]
    assert len(inputs) > 1500
    assert not any(is_held_out(text) or is_public(text) for text in inputs)


def test_the_digests_are_those_of_the_public_files_and_no_draw_hits_one() -> None:
    folder = public_data() / "bbh" / "bbh"
    public = {
        " ".join(example["input"].lower().split())
        for task in PUBLIC_TASKS
        for example in json.loads((folder / f"{task}.json").read_text(encoding="utf-8"))["examples"]
    }
    assert len(public) == 1500
    assert all(is_public(text) for text in public)
    rng = random.Random(0)
    for kind in PUBLIC_KINDS:
        for held_out in (False, True):
            drawn = (draw_item(rng, kind, held_out=held_out).text for _ in range(400))
            assert not {" ".join(text.lower().split()) for text in drawn} & public


def test_a_digest_looks_past_case_and_white_space() -> None:
    assert digest("Not  True\nis") == digest("not true is")
    assert not is_public("an input that nobody published")


def _with_system(turns: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The turns of a conversation whose user messages are bare inputs; nothing for one with a placeholder."""
    return turns if turns[0][0] == "system" else []
