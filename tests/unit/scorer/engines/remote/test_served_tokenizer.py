"""A tokenizer that a model server tells: the same ids as from the model's files, or a refusal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pmpo.contracts.scoring import ChatCompletionRequest, ScoreRequest
from pmpo.errors import ConfigurationError, InvalidInputError, ScorerUnavailableError
from pmpo.runtime.settings import Settings, load_settings
from services.scorer.engines.choosing import ModelText, choose_engine, load_text
from services.scorer.engines.remote import served_tokenizer
from services.scorer.engines.remote.served_tokenizer import ServedTokenizer, TokenizerCalls
from services.scorer.engines.remote.transport import Access
from services.scorer.model_source import ModelSource
from services.scorer.rendering.alignment import Renderer
from services.scorer.rendering.codec import TextCodec, load_tokenizer
from services.scorer.rendering.template import ChatTemplate
from tests.model_servers import ModelServer

Make = Callable[..., ModelServer]
REQUESTS: list[dict[str, Any]] = [
    {"prompts": ["Be brief. äöü 漢字 ", "{{input}}?"], "examples": [{"input": "hi\n\n", "targets": ["yo", " no"]}]},
    {
        "prompts": [[{"role": "user", "content": "q"}]],
        "examples": [{"input": "hi", "target": "yo"}],
        "answer_prefix": "A ",
    },
    {"prompts": ["Go."], "examples": [{"input": "hi", "target": "yo"}], "chat_template_kwargs": {"think": False}},
    {"prompts": ["Go."], "examples": [{"input": "hi", "target": "yo"}], "end_of_turn": False},
]


def calls(*servers: ModelServer) -> TokenizerCalls:
    return TokenizerCalls([server.url for server in servers], Access(None, 10.0), None)


def text_of(calls: TokenizerCalls) -> ModelText:
    tokenizer = ServedTokenizer(calls.ask("/tokenizer_info", None), calls.ask)
    tokenizer.check()
    codec = TextCodec(tokenizer)
    return ModelText(codec, ChatTemplate(tokenizer, codec), tokenizer.digest)


def renderer(text: ModelText) -> Renderer:
    return Renderer(text.codec, text.template, 256, 5_000)


@pytest.mark.parametrize("has_template", [True, False])
def test_requests_become_the_same_ids_as_with_the_files(
    make_server: Make, source: ModelSource, has_template: bool
) -> None:
    tokenizer = load_tokenizer(source)
    if not has_template:
        tokenizer.chat_template = None
    codec = TextCodec(tokenizer)
    files = ModelText(codec, ChatTemplate(tokenizer, codec), "")
    served = text_of(calls(make_server(tokenizer=tokenizer)))
    requests = REQUESTS if has_template else [r for r in REQUESTS if "chat_template_kwargs" not in r]
    for body in requests:
        request = ScoreRequest.model_validate(body)
        assert renderer(served).score_items(request) == renderer(files).score_items(request)
    chat = ChatCompletionRequest.model_validate({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 3})
    assert renderer(served).chat_prompt(chat) == renderer(files).chat_prompt(chat)
    assert served.template.end_token_ids() == files.template.end_token_ids()
    ids = codec.encode("a<|im_end|>b ä", literal=False)
    assert served.codec.decode(ids) == codec.decode(ids) == "ab ä"
    assert served.codec.decode(ids, keep_special=True) == codec.decode(ids, keep_special=True)


def test_data_that_holds_a_control_tokens_text_is_refused_and_never_read_as_the_token(
    make_server: Make, source: ModelSource
) -> None:
    served = text_of(calls(make_server(tokenizer=load_tokenizer(source))))
    example = {"input": "hi <|im_end|> you", "target": "yo"}
    request = ScoreRequest.model_validate({"prompts": ["Go."], "examples": [example]})
    with pytest.raises(InvalidInputError, match=r"holds '<\|im_end\|>'.*PMPO_SCORER_REMOTE_TOKENIZER=files"):
        renderer(served).score_items(request)
    with pytest.raises(InvalidInputError, match="not valid Unicode"):
        served.codec.encode("a\ud800", literal=True)


def test_a_server_that_shows_its_model_another_conversation_is_refused(make_server: Make, source: ModelSource) -> None:
    """As one that was started with default arguments for its template."""
    server = make_server(tokenizer=load_tokenizer(source))

    def thoughtless(path: str, body: Any, answer: Any) -> Any:
        return {"tokens": [*answer["tokens"], 5]} if body and "messages" in body else answer

    server.change = thoughtless
    with pytest.raises(ConfigurationError, match="another conversation than the chat template that it tells"):
        text_of(calls(server))


def test_a_server_that_tidies_texts_up_is_refused(make_server: Make, source: ModelSource) -> None:
    server = make_server(tokenizer=load_tokenizer(source))
    server.change = lambda path, body, answer: (
        {"prompt": answer["prompt"].replace(" ,", ",")} if path == "/detokenize" else answer
    )
    with pytest.raises(ConfigurationError, match=r"its /detokenize gives .* back for "):
        text_of(calls(server))


def test_the_next_server_is_asked_when_one_dies(make_server: Make, source: ModelSource) -> None:
    servers = [make_server(tokenizer=load_tokenizer(source)) for _ in range(2)]
    served = text_of(calls(*servers))
    servers[0].stop()
    assert served.codec.encode("Hi", literal=True) == served.codec.encode("Hi", literal=False)
    assert servers[1].num_asked("/tokenize") == 2


def test_an_outage_is_told_as_retryable(
    make_server: Make, source: ModelSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served_tokenizer, "WAIT_S", 0.0)
    server = make_server(tokenizer=load_tokenizer(source))
    served = text_of(calls(server))
    server.stop()
    with pytest.raises(ScorerUnavailableError, match=f"no model server answers /tokenize .*{server.url}"):
        served.codec.encode("Hi", literal=True)


@pytest.fixture
def served_settings(make_server: Make, model_folder: Path) -> Callable[..., Settings]:
    def make(**server: Any) -> Settings:
        url = make_server(**server).url
        named = {"PMPO_SCORER_ENGINE": "remote", "PMPO_SCORER_REMOTE_TOKENIZER": "server"}
        return load_settings({**named, "PMPO_SCORER_REMOTE_URLS": url, "PMPO_SCORER_REMOTE_KEY": "k"})

    return make


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ({}, "has no /tokenizer_info; start vLLM with --enable-tokenizer-info-endpoint, or name the model's files"),
        ({"flavour": "sglang"}, "has no /tokenizer_info"),
        ({"key": "another"}, "refused the key"),
    ],
)
def test_a_server_that_does_not_tell_is_refused_with_what_to_do(
    served_settings: Callable[..., Settings], source: ModelSource, server: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match="PMPO_SCORER_REMOTE_TOKENIZER=server cannot be used") as refused:
        load_text(served_settings(**server), source)
    assert words in refused.value.message


def test_a_tokenizer_whose_added_tokens_are_not_told_is_refused(
    served_settings: Callable[..., Settings], source: ModelSource
) -> None:
    """Then it cannot be known which texts would be read as control tokens."""
    settings = served_settings(
        tokenizer=load_tokenizer(source), change=lambda path, body, answer: {"tokenizer_class": "MistralTokenizer"}
    )
    with pytest.raises(ConfigurationError, match="does not tell the added tokens"):
        load_text(settings.model_copy(update={"scorer_remote_key": None}), source)


def test_other_engines_have_no_such_server(source: ModelSource) -> None:
    settings = load_settings({"PMPO_SCORER_REMOTE_TOKENIZER": "server"})
    with pytest.raises(ConfigurationError, match="is for PMPO_SCORER_ENGINE=remote"):
        load_text(settings, source)


def test_an_engine_starts_on_what_the_server_tells(
    served_settings: Callable[..., Settings], source: ModelSource
) -> None:
    settings = served_settings(tokenizer=load_tokenizer(source), max_model_len=200)
    nothing = ModelSource("none", "/nowhere", is_local=True)
    text = load_text(settings, nothing)
    identity = choose_engine(settings, nothing, text).engine.identity
    assert (identity.engine, identity.model, identity.context_length) == ("remote", "m", 199)
