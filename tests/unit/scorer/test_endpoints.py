"""The routes over a real tiny model, without a socket."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from pmpo.contracts.scoring import (
    ChatCompletionResponse,
    ModelList,
    ScoreRequest,
    ScoreResponse,
    TokenizeResponse,
)
from pmpo.runtime.metrics import ScorerMetrics
from services.scorer.app import create_app
from services.scorer.body_limit import MAX_BODY_BYTES
from services.scorer.engines.loading import load_model
from services.scorer.engines.torch_tree import slow_log_likelihoods
from services.scorer.model_source import ModelSource
from services.scorer.rendering.alignment import Renderer
from services.scorer.service import ScorerService
from services.scorer.startup import ServiceSlot, build_service
from tests.unit.scorer.talking import BODY, CHAT, engine_of, flat, open_client


async def test_score_equals_plain_scoring_of_the_rendered_items(
    client: httpx.AsyncClient, renderer: Renderer, source: ModelSource
) -> None:
    answer = ScoreResponse.model_validate((await client.post("/v1/score", json=BODY)).json())
    items = renderer.score_items(ScoreRequest.model_validate(BODY))
    model = load_model(source, "float32", 1).model
    expected = [float(slow_log_likelihoods(model, item).sum(dtype=np.float64)) for item in items]
    assert flat(answer.log_likelihoods) == pytest.approx(expected, rel=0, abs=1e-4)
    assert flat(answer.num_tokens) == [len(item.target) for item in items]
    assert answer.scored_tokens == sum(item.num_tokens for item in items)
    assert 0 < answer.computed_tokens < answer.scored_tokens


async def test_cells_are_values_for_target_and_lists_for_targets(client: httpx.AsyncClient) -> None:
    answer = (await client.post("/v1/score", json=BODY)).json()
    for name in ("log_likelihoods", "num_tokens"):
        assert [[isinstance(cell, list) for cell in row] for row in answer[name]] == [[False, True]] * 3
    assert answer["num_tokens"][0] == [3, [3, 5, 3]]
    assert answer["log_likelihoods"][0][1][0] == answer["log_likelihoods"][0][1][2]
    assert "token_log_likelihoods" not in answer


async def test_tokens_on_request_sum_to_the_cells(client: httpx.AsyncClient) -> None:
    answer = (await client.post("/v1/score", json={**BODY, "return_tokens": True})).json()
    tokens = answer["token_log_likelihoods"]
    assert len(tokens[1][0]) == 3
    assert [len(values) for values in tokens[1][1]] == [3, 5, 3]
    assert sum(tokens[1][0]) == pytest.approx(answer["log_likelihoods"][1][0])
    assert [sum(values) for values in tokens[1][1]] == pytest.approx(answer["log_likelihoods"][1][1])


async def test_answer_names_model_and_timings(client: httpx.AsyncClient, service: ScorerService) -> None:
    answer = (await client.post("/v1/score", json=BODY)).json()
    card = service.card
    assert (answer["model"], answer["revision"], answer["dtype"], answer["engine"]) == (
        "tiny", card.revision, "float32", "torch_tree",
    )  # fmt: skip
    assert set(answer["timings"]) == {"tokenize_s", "queue_s", "compute_s"}
    assert all(seconds >= 0 for seconds in answer["timings"].values())


async def test_requests_at_the_same_time_get_their_own_answers(client: httpx.AsyncClient) -> None:
    bodies = [{**BODY, "prompts": [f"prompt {number}"]} for number in range(6)]
    alone = [(await client.post("/v1/score", json=body)).json() for body in bodies]
    together = [
        answer.json() for answer in await asyncio.gather(*(client.post("/v1/score", json=body) for body in bodies))
    ]
    for one, other in zip(alone, together, strict=True):
        assert flat(other["log_likelihoods"]) == pytest.approx(flat(one["log_likelihoods"]), rel=0, abs=1e-4)
        assert other["scored_tokens"] == one["scored_tokens"]


async def test_tokenize_says_what_score_will_report(client: httpx.AsyncClient) -> None:
    counted = TokenizeResponse.model_validate((await client.post("/v1/tokenize", json=BODY)).json())
    scored = ScoreResponse.model_validate((await client.post("/v1/score", json=BODY)).json())
    assert [[isinstance(cell, list) for cell in row] for row in counted.num_tokens] == [[False, True]] * 3
    assert sum(flat(counted.num_tokens)) == scored.scored_tokens


async def test_tokenize_counts_texts(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/tokenize", json={"texts": ["", "abc", "<|im_end|>"]})
    assert answer.json() == {"num_tokens": [0, 3, 10]}


async def test_chat_answers_like_openai(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/chat/completions", json={**CHAT, "n": 3, "model": "tiny"})
    answer = ChatCompletionResponse.model_validate(response.json())
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert answer.usage.completion_tokens == sum(choice.num_tokens for choice in answer.choices)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    again = (await client.post("/v1/chat/completions", json={**CHAT, "n": 2, "model": "default"})).json()
    assert again["choices"] == response.json()["choices"][:2]


async def test_chat_without_seed_draws_anew(client: httpx.AsyncClient) -> None:
    body = {**CHAT, "max_tokens": 30, "temperature": 3.0, "n": 4}
    del body["seed"]
    texts = [
        [
            choice["message"]["content"]
            for choice in (await client.post("/v1/chat/completions", json=body)).json()["choices"]
        ]
        for _ in range(2)
    ]
    assert texts[0] != texts[1]


async def test_chat_with_another_model_is_not_found(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/chat/completions", json={**CHAT, "model": "gpt"})
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert "'tiny'" in response.json()["detail"]


async def test_models_card(client: httpx.AsyncClient) -> None:
    (card,) = ModelList.model_validate((await client.get("/v1/models")).json()).data
    assert (card.id, card.context_length, card.engine, card.mode, card.dtype) == (
        "tiny", 256, "torch_tree", "tree", "float32",
    )  # fmt: skip
    assert len(card.revision) == 12
    assert card.num_parameters > 0


@pytest.mark.parametrize(
    ("path", "body", "code", "words"),
    [
        ("/v1/score", {**BODY, "prompt": "x"}, "unknown_key", "unknown key 'prompt', did you mean 'prompts'?"),
        ("/v1/score", {"prompts": ["x"], "examples": [{"taget": "t"}]}, "unknown_key", "examples.0: .*'target'"),
        ("/v1/score", {"prompts": ["x"]}, "invalid_input", "examples: Field required"),
        ("/v1/score", {"prompts": [], "examples": []}, "invalid_input", "prompts: give at least one"),
        (
            "/v1/score",
            {"prompts": ["x"], "examples": [{"input": "i"}]},
            "invalid_input",
            "either 'target' or 'targets'",
        ),
        (
            "/v1/score",
            {"prompts": ["x"], "examples": [{"input": "i", "fields": {"input": "j"}, "target": "t"}]},
            "invalid_input",
            "differ",
        ),
        ("/v1/score", {"prompts": ["{{x}}"], "examples": [{"input": "i", "target": "t"}]}, "placeholder_mismatch", "x"),
        ("/v1/score", {"prompts": ["x"], "examples": [{"input": "i", "target": ""}]}, "empty_target", "example 0"),
        ("/v1/score", {"prompts": ["x" * 300], "examples": [{"input": "i", "target": "t"}]}, "too_long", "256"),
        ("/v1/tokenize", {"texts": ["a"], "prompts": []}, "unknown_key", "prompts"),
        ("/v1/tokenize", {"texts": "a"}, "invalid_input", "texts"),
        ("/v1/chat/completions", {**CHAT, "top_p": 0}, "invalid_input", "top_p"),
        ("/v1/chat/completions", {**CHAT, "stream": True}, "invalid_input", "stream"),
        ("/v1/chat/completions", {**CHAT, "max_tokens": 300}, "too_long", "max_tokens is 300"),
        ("/v1/chat/completions", {**CHAT, "messages": []}, "invalid_input", "messages"),
    ],
)
async def test_bad_input_is_a_problem_that_says_where(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], code: str, words: str
) -> None:
    response = await client.post(path, json=body, headers={"x-request-id": "req-1"})
    problem = response.json()
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert (problem["status"], problem["code"], problem["retryable"]) == (422, code, False)
    assert problem["request_id"] == response.headers["x-request-id"] == "req-1"
    assert "\n" not in problem["detail"]
    assert pytest.raises(AssertionError, match=words).matches(AssertionError(problem["detail"]))


async def test_an_item_that_is_too_long_names_itself_and_its_neighbours_are_answered(client: httpx.AsyncClient) -> None:
    good = [{**BODY, "prompts": [f"prompt {number}"]} for number in range(4)]
    examples = [{"input": "i", "target": "t"}, {"input": "x" * 300, "target": "t"}]
    bad = {"prompts": ["fine", "fine too"], "examples": examples}
    answers = await asyncio.gather(*(client.post("/v1/score", json=body) for body in [*good[:2], bad, *good[2:]]))
    assert [answer.status_code for answer in answers] == [200, 200, 422, 200, 200]
    refused = answers[2].json()
    assert (refused["code"], refused["retryable"]) == ("too_long", False)
    told = re.fullmatch(
        r"prompt 0 with example 1 is .*(\d+) tokens; the model's context is 256 tokens: .*", refused["detail"]
    )
    assert told, refused["detail"]
    for answer in (answer for answer in answers if answer.status_code == 200):
        assert all(math.isfinite(value) for value in flat(answer.json()["log_likelihoods"]))


@pytest.mark.parametrize(
    ("call", "content", "status", "code"),
    [
        ("POST /v1/score", '{"prompts": [', 422, "invalid_input"),
        (
            "POST /v1/score",
            '{"prompts": ["\\ud800"], "examples": [{"input": "", "target": "t"}]}',
            422,
            "invalid_input",
        ),
        ("GET /v1/score", "", 405, "http"),
        ("GET /nowhere", "", 404, "not_found"),
    ],
)
async def test_other_refusals_are_problems_too(
    client: httpx.AsyncClient, call: str, content: str, status: int, code: str
) -> None:
    response = await client.request(*call.split(), content=content, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"] == response.json()["request_id"]


@pytest.mark.parametrize("announced", [True, False])
async def test_body_above_the_limit_is_refused_announced_or_not(client: httpx.AsyncClient, announced: bool) -> None:
    taken: list[int] = []

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(40):
            taken.append(number)
            yield b" " * (1024 * 1024)

    content = b" " * (MAX_BODY_BYTES + 1) if announced else pieces()
    response = await client.post("/v1/score", content=content, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert response.headers["content-type"] == "application/problem+json"
    assert "16 MB" in response.json()["detail"]
    assert len(taken) == (0 if announced else 17)  # read no further than the limit


async def test_unsound_request_id_is_replaced(client: httpx.AsyncClient) -> None:
    response = await client.get("/healthz", headers={"x-request-id": "a b"})
    assert response.headers["x-request-id"] not in ("", "a b")


async def test_before_the_model_is_loaded() -> None:
    async with open_client(ServiceSlot()) as client:
        assert (await client.get("/healthz")).status_code == 200
        for response in (await client.get("/readyz"), await client.post("/v1/score", json=BODY)):
            assert response.status_code == 503
            assert response.headers["retry-after"] == "2"
            assert response.json()["code"] == "scorer_unavailable"
            assert response.json()["retryable"] is True


async def test_ready_until_closed(client: httpx.AsyncClient, service: ScorerService) -> None:
    assert (await client.get("/readyz")).status_code == 200
    await service.close()
    assert (await client.get("/readyz")).status_code == 503


async def test_model_that_gives_nan_never_answers_a_number(settings: Any, source: ModelSource) -> None:
    service = build_service(settings, source, ScorerMetrics())
    service.start()
    with torch.no_grad():
        engine_of(service)._model.get_output_embeddings().weight[5] = math.nan
    async with open_client(ServiceSlot(service)) as client:
        scored = await client.post("/v1/score", json=BODY)
        sampled = await client.post("/v1/chat/completions", json=CHAT)
    await service.close()
    assert [(r.status_code, r.json()["code"]) for r in (scored, sampled)] == [(500, "non_finite_score")] * 2


async def test_caller_that_hangs_up_costs_nothing(service: ScorerService, monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[int] = []
    monkeypatch.setattr(engine_of(service), "score", lambda items: scored.append(len(items)))
    app = create_app(ServiceSlot(service))
    body = ScoreRequest.model_validate(BODY).model_dump_json(exclude_unset=True).encode()
    messages = [{"type": "http.request", "body": body, "more_body": False}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/score", "query_string": b"", "root_path": "",
        "headers": [(b"content-type", b"application/json")],
    }  # fmt: skip
    await app(scope, receive, send)
    assert sent[0]["status"] == 499
    assert scored == []
    assert service._admission.queued_tokens == 0


async def test_defect_is_a_problem_without_details() -> None:
    app = create_app(ServiceSlot())

    @app.get("/defect")
    async def defect() -> None:
        raise RuntimeError("secret")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://scorer") as client:
        response = await client.get("/defect", headers={"x-request-id": "req-9"})
    assert (response.status_code, response.headers["content-type"]) == (500, "application/problem+json")
    assert response.json()["request_id"] == response.headers["x-request-id"] == "req-9"
    assert "secret" not in response.text
