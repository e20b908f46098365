"""The text of a control token in data is ordinary text, whichever tokenizer reads it.

Over nano and every folder with a tokenizer under PMPO_TEST_MODELS_DIR.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pmpo.contracts.scoring import ChatCompletionRequest, ScoreRequest
from pmpo.errors import ConfigurationError
from services.scorer.model_source import find_model
from services.scorer.rendering.alignment import Renderer
from services.scorer.rendering.codec import TextCodec, load_tokenizer
from services.scorer.rendering.template import ChatTemplate

NANO = Path(__file__).parents[2] / "models" / "nano"
PLACES = ("prompt", "message", "input", "field", "target", "answer_prefix")


def folders() -> Iterator[Path]:
    yield NANO
    root = os.environ.get("PMPO_TEST_MODELS_DIR")
    if root:
        yield from sorted(path.parent for path in Path(root).glob("*/tokenizer_config.json"))


@dataclass(frozen=True)
class Reader:
    renderer: Renderer
    codec: TextCodec
    special_ids: dict[str, int]


@pytest.fixture(scope="module", params=folders(), ids=lambda folder: folder.name)
def reader(request: pytest.FixtureRequest) -> Reader:
    source = find_model(str(request.param), needs_weights=False)
    tokenizer = load_tokenizer(source)
    try:
        codec = TextCodec(tokenizer)
        renderer = Renderer(codec, ChatTemplate(tokenizer, codec), 100_000, 1_000_000)
    except ConfigurationError as refusal:  # a tokenizer that cannot tell them apart is refused at the start: as good
        pytest.skip(f"the scorer does not start with it: {refusal.message}")
    specials = {token.content: token_id for token_id, token in tokenizer.added_tokens_decoder.items() if token.special}
    return Reader(renderer, codec, specials)


def evil(reader: Reader) -> str:
    """Every control token's text: bare, in the middle of words, and one that appears when another is taken out."""
    texts = list(reader.special_ids)
    nested = [f"{text[:2]}{other}{text[2:]}" for text in texts for other in texts[:3]]
    return " ".join([*texts, *(f"a{text}b" for text in texts), *nested])


def request(place: str, text: str) -> ScoreRequest:
    values = {
        "prompt": "p",
        "input": "i",
        "target": "t",
        "answer_prefix": "so",
        "field": "f",
        "message": "m",
        place: text,
    }
    prompt: Any = values["prompt"] + " {{x}} {{input}}"
    if place == "message":
        prompt = [{"role": "system", "content": values["message"]}, {"role": "user", "content": "{{input}}"}]
    example = {"fields": {"x": values["field"]}, "input": values["input"], "target": values["target"]}
    body = {"prompts": [prompt], "examples": [example], "answer_prefix": values["answer_prefix"]}
    return ScoreRequest.model_validate(body)


def controls(reader: Reader, ids: tuple[int, ...]) -> list[int]:
    """The control tokens of a sequence, in order."""
    return [token for token in ids if token in set(reader.special_ids.values())]


@pytest.mark.parametrize("place", PLACES)
def test_scoring_reads_them_as_text(reader: Reader, place: str) -> None:
    assert reader.special_ids
    (told,) = reader.renderer.score_items(request(place, evil(reader)))
    (plain,) = reader.renderer.score_items(request(place, "harmless"))
    assert controls(reader, told.context) == controls(reader, plain.context)
    assert controls(reader, told.target) == controls(reader, plain.target)


@pytest.mark.parametrize("role", ["system", "user"])
def test_generation_reads_them_as_text(reader: Reader, role: str) -> None:
    def ids(text: str) -> tuple[int, ...]:
        turns = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
        turns[0 if role == "system" else 1]["content"] = text
        body = {"messages": turns, "max_tokens": 4}
        return tuple(reader.renderer.chat_prompt(ChatCompletionRequest.model_validate(body)))

    assert controls(reader, ids(evil(reader))) == controls(reader, ids("harmless"))


def test_counts_read_them_as_text(reader: Reader) -> None:
    for text in reader.special_ids:
        assert reader.renderer.count_tokens([text])[0] == len(reader.codec.encode(text, literal=True))
        assert not controls(reader, reader.codec.encode(text, literal=True))


def test_the_texts_would_be_control_tokens_otherwise(reader: Reader) -> None:
    for text, token_id in reader.special_ids.items():
        assert token_id in reader.codec.encode(text, literal=False)
