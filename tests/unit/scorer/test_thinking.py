"""Reasoning templates: a target is scored where the answer stands, and template arguments are never ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pmpo.contracts.scoring import ChatCompletionRequest, ChatMessage, ScoreRequest
from pmpo.errors import InvalidInputError
from services.scorer.model_source import find_model
from services.scorer.rendering.alignment import Renderer
from services.scorer.rendering.codec import TextCodec, load_tokenizer
from services.scorer.rendering.template import ChatTemplate

from .conftest import CHAT_ML, byte_tokenizer

TURNS = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
START = "<|im_start|>assistant\n"
# Thinks by default and opens the block itself; the switch writes an empty block (as Qwen3 does).
SWITCHED = (
    TURNS
    + "{% if add_generation_prompt %}"
    + START
    + "{% if enable_thinking is defined and enable_thinking is false %}"
    "<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
# Opens the block, or writes an empty one.
SWITCHED_OPEN = (
    TURNS + "{% if add_generation_prompt %}" + START + "{% if enable_thinking | default(true) %}<think>\n"
    "{% else %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
# Always opens the block, and takes thoughts out of earlier answers (as DeepSeek-R1 does).
ALWAYS = (
    "{% for m in messages %}{% if m.role == 'user' %}<|User|>{{ m.content }}{% elif m.role == 'assistant' %}"
    "<|Assistant|>{{ m.content.split('</think>')[-1] }}<|im_end|>{% else %}{{ m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|Assistant|><think>\n{% endif %}"
)
# Does not think unless it is told to (as DeepSeek-V3.1 does).
OFF_BY_DEFAULT = (
    TURNS
    + "{% if add_generation_prompt %}"
    + START
    + "{% if thinking %}<think>{% else %}</think>{% endif %}{% endif %}"
)
BRACKETS = TURNS + "{% if add_generation_prompt %}" + START + "[THINK]{% endif %}"
REFUSES_SWITCH = SWITCHED_OPEN + "{% if enable_thinking is defined %}{{ raise_exception('no') }}{% endif %}"

Make = Callable[..., Renderer]


@pytest.fixture
def make() -> Make:
    def made(template: str | None, *special_tags: str) -> Renderer:
        tokenizer = byte_tokenizer("")
        if special_tags:
            tokenizer.add_special_tokens(
                {"additional_special_tokens": list(special_tags)}, replace_extra_special_tokens=False
            )
        tokenizer.chat_template = template
        codec = TextCodec(tokenizer)
        return Renderer(codec, ChatTemplate(tokenizer, codec), 512, 50_000)

    return made


def request(target: str = "Oslo", prompt: str = "Name the city.", **rest: Any) -> ScoreRequest:
    return ScoreRequest.model_validate({"prompts": [prompt], "examples": [{"input": "hi", "target": target}], **rest})


def context_text(renderer: Renderer, body: ScoreRequest) -> str:
    (item,) = renderer.score_items(body)
    return bytes_of(renderer, item.context)


def bytes_of(renderer: Renderer, ids: tuple[int, ...]) -> str:
    return str(renderer._codec._tokenizer.decode(list(ids), skip_special_tokens=False))


@pytest.mark.parametrize("template", [SWITCHED, SWITCHED_OPEN])
@pytest.mark.parametrize("arguments", [{}, {"enable_thinking": True}])
def test_a_target_that_would_be_a_thought_is_refused_and_the_switch_named(
    make: Make, template: str, arguments: dict[str, bool]
) -> None:
    renderer = make(template)
    body = request(chat_template_kwargs=arguments)
    with pytest.raises(
        InvalidInputError, match=r"prompt 0 with example 0: .* thought; .*enable_thinking: false\}"
    ) as told:
        renderer.score_items(body)
    with pytest.raises(InvalidInputError, match=str(told.value)[:40]):
        renderer.count_item_tokens(body)


@pytest.mark.parametrize("template", [SWITCHED, SWITCHED_OPEN])
def test_the_remedy_that_is_named_works(make: Make, template: str) -> None:
    text = context_text(make(template), request(chat_template_kwargs={"enable_thinking": False}))
    assert text.endswith(f"{START}<think>\n\n</think>\n\n")


def test_a_template_without_a_switch_is_closed_by_the_answer_prefix(make: Make) -> None:
    renderer = make(ALWAYS)
    with pytest.raises(InvalidInputError, match=r"leaves <think> open .* answer_prefix: \"</think>\\n\\n\""):
        renderer.score_items(request())
    text = context_text(renderer, request(answer_prefix="</think>\n\n"))
    assert text.endswith("<|Assistant|><think>\n</think>\n\n")
    with pytest.raises(InvalidInputError, match="thought"):
        renderer.score_items(request(answer_prefix="The answer is "))


def test_a_switch_that_the_template_refuses_is_not_named(make: Make) -> None:
    with pytest.raises(InvalidInputError, match="close the block with answer_prefix"):
        make(REFUSES_SWITCH).score_items(request())


def test_other_tags(make: Make) -> None:
    with pytest.raises(InvalidInputError, match=r"leaves \[THINK\] open .* answer_prefix: \"\[/THINK\]"):
        make(BRACKETS).score_items(request())


@pytest.mark.parametrize("template", [SWITCHED, SWITCHED_OPEN, ALWAYS])
def test_targets_that_hold_the_thoughts_are_scored(make: Make, template: str) -> None:
    renderer = make(template)
    (item,) = renderer.score_items(request("A review.\n</think>\n\nOslo"))
    assert bytes_of(renderer, item.target).startswith("A review.\n</think>\n\nOslo")
    mixed = request().model_dump()
    mixed["examples"] = [{"input": "hi", "targets": ["so\n</think>\n\nOslo", "Lima"]}]
    with pytest.raises(InvalidInputError, match="prompt 0 with example 0"):
        renderer.score_items(ScoreRequest.model_validate(mixed))


def test_the_first_example_whose_target_is_none_is_named(make: Make) -> None:
    body = request().model_dump()
    body["prompts"] = ["a", "b"]
    body["examples"] = [{"input": "hi", "target": "so</think>Oslo"}, {"input": "ho", "target": "Lima"}]
    with pytest.raises(InvalidInputError, match="prompt 0 with example 1"):
        make(ALWAYS).score_items(ScoreRequest.model_validate(body))


@pytest.mark.parametrize("template", [CHAT_ML, TURNS, OFF_BY_DEFAULT, None])
def test_models_that_answer_at_once_are_scored_as_ever(make: Make, template: str | None) -> None:
    assert make(template).score_items(request())


def test_thinking_that_was_switched_on_is_refused(make: Make) -> None:
    with pytest.raises(InvalidInputError, match=r"chat_template_kwargs: \{thinking: false\}"):
        make(OFF_BY_DEFAULT).score_items(request(chat_template_kwargs={"thinking": True}))


@pytest.mark.parametrize("template", [SWITCHED, SWITCHED_OPEN, OFF_BY_DEFAULT, ALWAYS])
@pytest.mark.parametrize("text", ["<think>", "</think>", "a <think> b", "</think>\n", "<", "<think>\n\n</think>"])
def test_tags_in_data_decide_nothing(make: Make, template: str, text: str) -> None:
    renderer = make(template)
    for body in (request(prompt=text), request(prompt="{{input}} " + text)):
        verdicts = []
        for each in (body, request()):
            try:
                renderer.score_items(each)
                verdicts.append("scored")
            except InvalidInputError:
                verdicts.append("refused")
        assert verdicts[0] == verdicts[1]


def test_tags_with_tokens_of_their_own_are_these_tokens_in_prefix_and_target(make: Make) -> None:
    renderer = make(ALWAYS, "<think>", "</think>")
    close = renderer._codec.special_id("</think>")
    (item,) = renderer.score_items(request(answer_prefix="</think>\n\n<|im_end|>", prompt="<think> </think>"))
    assert item.context.count(close) == 1  # the prompt's own is data
    assert item.context.count(renderer._codec.special_id("<think>")) == 1
    assert renderer._codec.special_id("<|im_end|>") not in item.context
    (item,) = renderer.score_items(request("so</think>Oslo"))
    assert item.target.count(close) == 1


def test_generation_may_think(make: Make) -> None:
    body = ChatCompletionRequest(messages=[ChatMessage(role="user", content="hi")], max_tokens=4)
    renderer = make(ALWAYS)
    assert bytes_of(renderer, renderer.chat_prompt(body)).endswith("<think>\n")


@pytest.mark.parametrize(
    ("template", "arguments", "sentence"),
    [
        (SWITCHED, {"enable_thinkin": False}, "does not know 'enable_thinkin', did you mean 'enable_thinking'"),
        (SWITCHED, {"enable_thinking": False, "verbosity": 2}, "does not know 'verbosity'; leave it out"),
        (
            SWITCHED,
            {"enable_thinking": "false"},
            "'enable_thinking' = \"false\" changes nothing in what the model reads",
        ),
        (TURNS, {"enable_thinking": False}, "does not know 'enable_thinking'; leave it out"),
        (None, {"enable_thinking": False}, "the model has no chat template to read them"),
    ],
)
def test_arguments_that_change_nothing_are_refused(
    make: Make, template: str | None, arguments: dict[str, Any], sentence: str
) -> None:
    renderer = make(template)
    with pytest.raises(InvalidInputError, match=f"chat_template_kwargs: .*{sentence}"):
        renderer.count_item_tokens(request(chat_template_kwargs=arguments))
    message = ChatMessage(role="user", content="hi")
    with pytest.raises(InvalidInputError, match=sentence):
        renderer.chat_prompt(ChatCompletionRequest(messages=[message], max_tokens=4, chat_template_kwargs=arguments))


def test_a_switch_may_say_what_is_the_default(make: Make) -> None:
    said = context_text(make(OFF_BY_DEFAULT), request(chat_template_kwargs={"thinking": False}))
    assert said == context_text(make(OFF_BY_DEFAULT), request())


def test_nano_answers_at_once_and_knows_no_switch() -> None:
    tokenizer = load_tokenizer(find_model("nano"))
    codec = TextCodec(tokenizer)
    renderer = Renderer(codec, ChatTemplate(tokenizer, codec), 512, 50_000)
    assert renderer.score_items(request())
    with pytest.raises(InvalidInputError, match="does not know 'enable_thinking'"):
        renderer.score_items(request(chat_template_kwargs={"enable_thinking": False}))
