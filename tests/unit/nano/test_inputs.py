"""Generated inputs: right answers, and what training never sees."""

import hashlib
import json
import random
import re

import pytest

from nano_training.conversations import FAMILIES, draw_conversation
from nano_training.inputs import HELD_OUT_ONE_IN, KINDS, REPEAT, draw_item, is_held_out, walk, words
from nano_training.phrasings import split_phrasings
from tests.public_data import public_data


@pytest.mark.parametrize("kind", KINDS)
def test_a_draw_is_decided_by_its_generator(kind: str) -> None:
    draws = [draw_item(random.Random(7), kind, held_out=False) for _ in range(2)]
    assert draws[0] == draws[1]
    assert {task for family, task in FAMILIES if family == kind} | {REPEAT} == set(draws[0].answers)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "word"])
def test_training_and_held_out_inputs_are_divided_by_their_digest(kind: str) -> None:
    rng = random.Random(3)
    for held_out in (False, True):
        for _ in range(50):
            text = draw_item(rng, kind, held_out=held_out).text
            digest = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)
            assert (digest % HELD_OUT_ONE_IN == 0) is held_out


def test_no_training_conversation_holds_a_held_out_input() -> None:
    rng, phrasings = random.Random(4), split_phrasings()[0]
    inputs = [
        content
        for _ in range(1500)
        for role, content in _with_system(draw_conversation(rng, phrasings))
        if role == "user" and " " in content
    ]
    assert len(inputs) > 2000
    assert not any(is_held_out(text) for text in inputs)


def test_lists_are_answered_from_their_text() -> None:
    rng = random.Random(5)
    for _ in range(200):
        item = words(rng)
        listed = item.text.split(", ")
        assert (item.answers["first"], item.answers["last"], item.answers["count"]) == (
            listed[0],
            listed[-1],
            str(len(listed)),
        )


def test_walks_are_answered_by_walking() -> None:
    rng = random.Random(6)
    directions = {"forward": (0, 1), "backward": (0, -1), "left": (-1, 0), "right": (1, 0)}
    answers = []
    for _ in range(500):
        item = walk(rng)
        x = y = 0
        for count, way in re.findall(r"Take (\d+) steps? (\w+)\.", item.text):
            x, y = x + int(count) * directions[way][0], y + int(count) * directions[way][1]
        answers.append(item.answers["return"])
        assert item.answers["return"] == ("Yes" if (x, y) == (0, 0) else "No")
    assert 0.4 < answers.count("Yes") / len(answers) < 0.6


def test_no_public_walk_is_generated() -> None:
    text = (public_data() / "bbh" / "bbh" / "navigate.json").read_text()
    public = {example["input"] for example in json.loads(text)["examples"]}
    rng = random.Random(0)
    generated = {walk(rng).text for _ in range(5000)}
    assert not generated & public
    assert all(max(map(int, re.findall(r"Take (\d+)", text)), default=0) <= 10 for text in public)
    assert all(max(map(int, re.findall(r"Take (\d+)", text))) > 10 for text in generated)


def _with_system(turns: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The turns of a conversation whose user messages are bare inputs; nothing for one with a placeholder."""
    return turns if turns[0][0] == "system" else []
