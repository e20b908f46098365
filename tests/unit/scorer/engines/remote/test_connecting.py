"""What stops the start with the remote engine: each in one sentence that says what to do."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from pmpo.errors import ConfigurationError
from services.scorer.engines.remote.connecting import Connected, RemoteSettings, Tokenizer, connect
from services.scorer.engines.remote.session import Patience
from services.scorer.rendering.codec import TextCodec
from tests.model_servers import ModelServer

Make = Callable[..., ModelServer]
Connect = Callable[..., Connected]


def refusal(connected: Connect, *urls: str, **more: Any) -> str:
    with pytest.raises(ConfigurationError) as refused:
        connected(*urls, **more)
    assert "\n" not in refused.value.message
    return refused.value.message


def test_a_server_like_llama_cpps_is_refused_with_what_to_use_instead(make_server: Make, connected: Connect) -> None:
    url = make_server("llama_cpp").url
    said = refusal(connected, url)
    assert f"{url} cannot be used, this server does not return prompt log-probabilities" in said
    assert "use vLLM (best with --enable-scale-out) or SGLang, or let this scorer load the model" in said
    for protocol in ("vllm_suffix", "sglang", "completions_echo", "vllm_chat"):
        assert f"{protocol}: " in said


def zeros(path: str, body: Any, answer: Any) -> Any:
    for choice in answer["choices"]:
        found = choice["logprobs"]["token_logprobs"]
        choice["logprobs"]["token_logprobs"] = [None if value is None else 0.0 for value in found]
    return answer


def alike(path: str, body: Any, answer: Any) -> Any:
    for choice in answer["choices"]:
        found = choice["logprobs"]["token_logprobs"]
        choice["logprobs"]["token_logprobs"] = [None if value is None else -2.5 for value in found]
    return answer


def shifted(path: str, body: Any, answer: Any) -> Any:
    """Every value one place late: plausible numbers about other tokens."""
    if body.get("echo"):
        found = answer["choices"][0]["logprobs"]["token_logprobs"]
        found[1:] = [found[-1], *found[1:-1]]
    return answer


def nan(path: str, body: Any, answer: Any) -> Any:
    found = answer["choices"][0]["logprobs"]["token_logprobs"]
    if len(found) > 26:
        found[26] = math.nan
    return answer


def filled(path: str, body: Any, answer: Any) -> Any:
    found = answer["choices"][0]["logprobs"]["token_logprobs"]
    found[0] = found[0] or -1.0
    return answer


def one_more_token(path: str, body: Any, answer: Any) -> Any:
    answer["usage"]["prompt_tokens"] += 1
    return answer


def logits(path: str, body: Any, answer: Any) -> Any:
    found = answer["choices"][0]["logprobs"]["token_logprobs"]
    answer["choices"][0]["logprobs"]["token_logprobs"] = [None if v is None else v + 9 for v in found]
    return answer


def without_values(path: str, body: Any, answer: Any) -> Any:
    answer["choices"][0]["logprobs"] = None
    return answer


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (zeros, "gave 0 for every token"),
        (alike, "gave -2.5 for every token"),
        (shifted, "when echoed"),
        (nan, "no number for an ordinary token"),
        (filled, "the first token has a log-probability"),
        (one_more_token, "the server read"),
        (logits, "must not be positive"),
        (without_values, "has no choices.0.logprobs.token_logprobs"),
    ],
)
def test_answers_that_only_look_right_are_seen_through(
    change: Any, words: str, make_server: Make, connected: Connect
) -> None:
    said = refusal(connected, make_server("echo", change=change).url)
    assert "does not return prompt log-probabilities" in said
    assert words in said


def test_suffix_scores_that_a_warm_cache_changes_are_not_used(make_server: Make, connected: Connect) -> None:
    seen: set[tuple[int, ...]] = set()

    def spoiled(path: str, body: Any, answer: Any) -> Any:
        if body["sampling_params"].get("prompt_logprob_token_ids") and tuple(body["token_ids"]) in seen:
            fresh = dict(body, sampling_params={**body["sampling_params"], "skip_reading_prefix_cache": True})
            fresh["token_ids"] = [*body["token_ids"][:-1][::-1], body["token_ids"][-1]]
            return server.answer(path, fresh, None)
        seen.add(tuple(body.get("token_ids", ())))
        return answer

    server = make_server("vllm_suffix", change=spoiled)
    assert connected(server.url).engine.identity.mode == "vllm_prompt_logprobs"


def test_a_wrong_key_is_named(make_server: Make, connected: Connect) -> None:
    server = make_server(key="right")
    said = refusal(connected, server.url, key="wrong")
    assert "refused the key" in said
    assert "correct PMPO_SCORER_REMOTE_KEY" in said
    assert connected(server.url, key="right").engine.identity.model == "m"


def test_a_wrong_model_name_is_answered_with_the_right_ones(make_server: Make, connected: Connect) -> None:
    said = refusal(connected, make_server(name="qwen").url, model="quen")
    assert "PMPO_SCORER_REMOTE_MODEL is 'quen'" in said
    assert "it serves qwen" in said


def test_of_several_models_one_must_be_named(make_server: Make, connected: Connect) -> None:
    server = make_server()
    plain = server.answer

    def two(path: str, body: Any, authorization: str | None) -> Any:
        return {"data": [{"id": "m"}, {"id": "n"}]} if path == "/v1/models" else plain(path, body, authorization)

    server.answer = two  # type: ignore[method-assign]
    assert "PMPO_SCORER_REMOTE_MODEL is not set" in refusal(connected, server.url)
    assert connected(server.url, model="m").engine.identity.model == "m"


def test_a_tokenizer_that_disagrees_is_refused(make_server: Make, codec: TextCodec) -> None:
    settings = RemoteSettings((make_server().url,), None, None, None, 4, 10.0, Patience(outage_s=1.0))
    other = Tokenizer(lambda text: [(i + 1) % 256 for i in codec.encode(text, literal=False)], codec.decode, "other")
    with pytest.raises(ConfigurationError, match="set PMPO_SCORER_MODEL to the files of the model that is served"):
        connect(settings, other, 256)


def test_no_server_at_all(make_server: Make, connected: Connect) -> None:
    server = make_server()
    server.stop()
    assert "no server answers" in refusal(connected, server.url)


def test_something_else_than_a_model_server(make_server: Make, connected: Connect) -> None:
    said = refusal(connected, make_server("nothing").url, model="m")
    assert "does not return prompt log-probabilities" in said


def test_a_second_server_with_another_model_is_refused(
    make_server: Make, connected: Connect, tiny_model: PreTrainedModel
) -> None:
    first, second = make_server(), make_server()
    torch.manual_seed(7)
    second.model = type(tiny_model)(tiny_model.config).eval()
    said = refusal(connected, first.url, second.url)
    assert f"{second.url} cannot stand beside {first.url}: it serves another model" in said


def test_a_second_server_that_cannot_score_is_refused(make_server: Make, connected: Connect) -> None:
    first, second = make_server("echo"), make_server("llama_cpp")
    assert f"{second.url} cannot stand beside" in refusal(connected, first.url, second.url)


def test_the_context_is_the_servers_the_operators_or_the_files(make_server: Make, connected: Connect) -> None:
    vllm, echo = make_server(max_model_len=200), make_server("echo")
    assert connected(vllm.url).engine.identity.context_length == 199
    assert connected(vllm.url, context_length=100).engine.identity.context_length == 100
    assert connected(echo.url, length_of_files=128).engine.identity.context_length == 127
    assert "is more than the server takes (199" in refusal(connected, vllm.url, context_length=200)
    assert "set PMPO_SCORER_REMOTE_CONTEXT_LENGTH" in refusal(connected, echo.url, length_of_files=None)


def test_the_revision_follows_model_tokenizer_and_protocol(make_server: Make, connected: Connect) -> None:
    vllm, echo = make_server(), make_server("echo")
    first = connected(vllm.url).engine.identity
    assert first.revision == connected(make_server().url).engine.identity.revision
    assert first.revision != connected(echo.url).engine.identity.revision
