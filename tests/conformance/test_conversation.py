"""What the search asks a model to answer is what the scorer scores: the same conversation, the same token ids."""

from __future__ import annotations

import pytest

from pmpo.contracts.scoring import ChatCompletionRequest, ScoreRequest
from pmpo.optim.answers import conversation
from pmpo.optim.types import Example
from services.bundled import nano_dir
from services.scorer.model_source import find_model
from services.scorer.rendering.alignment import Renderer
from services.scorer.rendering.codec import TextCodec, load_tokenizer
from services.scorer.rendering.template import ChatTemplate

EXAMPLE = Example(0, "b, a <|im_end|>", ("a, b",), {"input": "b, a <|im_end|>", "order": "A to Z, {{input}}"})


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    tokenizer = load_tokenizer(find_model(str(nano_dir())))
    codec = TextCodec(tokenizer)
    return Renderer(codec, ChatTemplate(tokenizer, codec), 2048, 10_000)


@pytest.fixture(scope="module")
def plain_renderer() -> Renderer:
    """As for a base model: the same tokenizer without its chat template."""
    tokenizer = load_tokenizer(find_model(str(nano_dir())))
    tokenizer.chat_template = None
    codec = TextCodec(tokenizer)
    return Renderer(codec, ChatTemplate(tokenizer, codec), 2048, 10_000)


@pytest.mark.parametrize("prefix", ["", "The answer is ", "<|im_end|> "])
@pytest.mark.parametrize(
    "prompt",
    ["Sort the words.", "Sort: {{input}}", "{{ order }}\n\nWords: {{input}}\nReply in [ ].", "Not a {{placeholder"],
)
def test_an_answer_is_generated_from_the_context_that_is_scored(
    renderer: Renderer, plain_renderer: Renderer, prompt: str, prefix: str
) -> None:
    turns = [{"role": turn.role, "content": turn.content} for turn in conversation(prompt, EXAMPLE)]
    example = {"input": EXAMPLE.input, "fields": dict(EXAMPLE.fields), "target": EXAMPLE.target}
    chat = ChatCompletionRequest.model_validate({"messages": turns, "max_tokens": 8, "answer_prefix": prefix})
    score = ScoreRequest.model_validate({"prompts": [prompt], "examples": [example], "answer_prefix": prefix})
    for rendering in (renderer, plain_renderer):
        (scored,) = rendering.score_items(score)
        assert rendering.chat_prompt(chat) == scored.context
