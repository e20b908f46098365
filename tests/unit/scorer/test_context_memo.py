"""Contexts are rendered once, whatever decides them is in their key, and the bound holds."""

from __future__ import annotations

import pytest

from pmpo.contracts.scoring import ChatMessage, ScoreRequest
from services.scorer.rendering.alignment import Renderer
from services.scorer.rendering.codec import TextCodec
from services.scorer.rendering.memo import ENTRY_BYTES, ContextMemo
from services.scorer.rendering.template import ChatTemplate

TURNS = [ChatMessage(role="user", content="hi")]


def test_a_context_is_rendered_once() -> None:
    memo, calls = ContextMemo(), list[int]()

    def render() -> tuple[int, ...]:
        calls.append(1)
        return (1, 2, 70_000)

    assert [memo.context(TURNS, "", {}, render) for _ in range(3)] == [(1, 2, 70_000)] * 3
    assert (len(calls), memo.num_hits, memo.num_misses) == (1, 2, 1)


def test_everything_that_decides_a_context_is_in_its_key() -> None:
    memo = ContextMemo()
    asked = [
        (TURNS, "", {}),
        (TURNS, "So ", {}),
        (TURNS, "", {"think": False}),
        (TURNS, "", {"think": 0}),
        ([ChatMessage(role="system", content="hi")], "", {}),
        ([ChatMessage(role="user", content="hi\ud800")], "", {}),
        ([*TURNS, *TURNS], "", {}),
    ]
    for number, (turns, prefix, arguments) in enumerate(asked):
        assert memo.context(turns, prefix, arguments, lambda n=number: (n,)) == (number,)  # type: ignore[misc]


def test_the_least_recently_used_make_room() -> None:
    memo = ContextMemo(2 * (ENTRY_BYTES + 4))
    for prefix in ("a", "b", "a", "c"):
        memo.context(TURNS, prefix, {}, lambda: (1,))
    assert memo.num_bytes == 2 * (ENTRY_BYTES + 4)
    memo.context(TURNS, "a", {}, lambda: pytest.fail("a was used last"))
    assert memo.num_misses == 3


def test_a_request_that_is_repeated_is_the_same_items(codec: TextCodec, template: ChatTemplate) -> None:
    renderer = Renderer(codec, template, 256, 5_000)
    body = {"prompts": ["Be brief.", "{{input}}?"], "examples": [{"input": "hi", "targets": ["yo", "no"]}]}
    request = ScoreRequest.model_validate(body)
    assert renderer.score_items(request) == renderer.score_items(request)
    assert (renderer.contexts.num_misses, renderer.contexts.num_hits) == (2, 2)
