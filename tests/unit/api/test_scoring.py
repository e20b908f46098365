"""The routes of scores and analyses, through the real client of a scorer, which is told what to say."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from pmpo.contracts.problems import to_problem
from pmpo.contracts.scoring import DEADLINE_HEADER
from pmpo.errors import OverloadedError, PlaceholderError, PmpoError, TooLongError, UnauthorizedError
from pmpo.remote.interactive import InteractiveScorer
from pmpo.runtime.endpoints import Endpoint
from pmpo.runtime.http import open_http
from pmpo.runtime.settings import load_settings
from services.api.app import create_app
from services.api.scoring.service import ScoringService
from tests.unit.remote.conftest import Reply, ScriptedServer

from .conftest import calling

SEVERAL = {"input": "i", "targets": ["a", "b"]}
ROW = {"input": "Oslo!", "target": "Oslo"}
SCORE: dict[str, Any] = {"prompts": ["Go.", "Stay."], "examples": [ROW, ROW]}
ANALYZE: dict[str, Any] = {"prompt": "Name the city. Say nothing else.", "examples": [ROW, ROW]}
MEASURED = {
    "model": "m", "revision": "r", "dtype": "d", "engine": "e", "scored_tokens": 8, "computed_tokens": 8,
    "timings": {"tokenize_s": 0, "queue_s": 0, "compute_s": 0},
}  # fmt: skip
SCORED = {**MEASURED, "log_likelihoods": [[-2.0, -4.0], [-1.0, -1.0]], "num_tokens": [[2, 2], [2, 2]]}
MASKED = {
    **MEASURED, "baseline": [1.0, 3.0], "masked": [[2.0, 3.0], [1.0, 3.0]], "num_tokens": [2, 2], "delta": [0.5, 0.0],
    "standard_error": [0.5, 0.0],
}  # fmt: skip
BOTH = [("/v1/score", SCORE), ("/v1/analyze", ANALYZE)]


@pytest.fixture
def scorer() -> Iterator[ScriptedServer]:
    running = ScriptedServer()
    running.answer = lambda asked: Reply(SCORED if asked.path == "/v1/score" else MASKED)
    yield running
    running.stop()


@pytest.fixture
async def api(scorer: ScriptedServer) -> AsyncIterator[FastAPI]:
    """As it starts, without a Redis: these routes need none."""
    table = {"default": Endpoint(name="default", url=scorer.url)}
    app = create_app(load_settings({"PMPO_REDIS_URL": "redis://127.0.0.1:9/0"}), table)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(api: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(api) as opened:
        yield opened


def refusal(error: PmpoError) -> Reply:
    """As a scorer refuses."""
    problem = to_problem(error, "of-the-scorer")
    headers = {} if error.retry_after_s is None else {"retry-after": str(int(error.retry_after_s))}
    return Reply(json.loads(problem.model_dump_json(exclude_none=True)), status=error.status, headers=headers)


async def test_scores_with_the_loss_of_each_prompt(client: httpx.AsyncClient, scorer: ScriptedServer) -> None:
    answer = await client.post("/v1/score", json={**SCORE, "model": "default"})
    assert (answer.status_code, answer.json()) == (200, {**SCORED, "losses": [1.5, 0.5]})
    [asked] = scorer.asked
    assert asked.body == SCORE
    assert int(asked.headers[DEADLINE_HEADER]) == 60_000


async def test_what_each_part_of_a_prompt_is_worth(client: httpx.AsyncClient, scorer: ScriptedServer) -> None:
    answer = (await client.post("/v1/analyze", json=ANALYZE)).json()
    assert answer["loss"] == 2.0
    assert [(unit["text"], unit["delta"]) for unit in answer["units"]] == [
        ("Name the city.", 0.5), ("Say nothing else.", 0.0),
    ]  # fmt: skip
    [asked] = scorer.asked
    assert (asked.path, asked.body["spans"]) == ("/v1/masked-losses", [[0, 14], [15, 32]])


REFUSED = {
    "no prompts": ("/v1/score", {"prompts": []}, "prompts: give at least one"),
    "a prompt of no turns": ("/v1/score", {"prompts": [[]]}, "prompts.0"),
    "no rows": ("/v1/score", {"examples": []}, "examples: give at least one"),
    "a prompt that is no text": ("/v1/score", {"prompts": [3]}, "prompts.0"),
    "one prompt in place of a list": ("/v1/score", {"prompts": "Go."}, "prompts"),
    "a misspelt key": ("/v1/score", {"prompt": ["x"]}, "unknown key 'prompt', did you mean 'prompts'?"),
    "a misspelt key in a row": ("/v1/score", {"examples": [{"taget": "t"}]}, "did you mean 'target'?"),
    "a row without a target": ("/v1/score", {"examples": [{"input": "i"}]}, "give either 'target' or 'targets'"),
    "weights of 0": ("/v1/score", {"examples": [{**ROW, "weight": 0}]}, "every 'weight' is 0"),
    "a negative weight": ("/v1/score", {"examples": [{**ROW, "weight": -1}]}, "weight"),
    "too many scores": ("/v1/score", {"examples": [ROW] * 501}, "1,002 scores and at most 1,000"),
    "too much text": ("/v1/score", {"prompts": ["p" * 800_000] * 2}, "bytes of text and at most 1,500,000"),
    "an unknown model": ("/v1/score", {"model": "big"}, "no endpoint is called 'big'; known are: default"),
    "an empty prompt": ("/v1/analyze", {"prompt": ""}, "prompt"),
    "a blank prompt": ("/v1/analyze", {"prompt": " \n"}, "is one part"),
    "a prompt of one part": ("/v1/analyze", {"prompt": "Name the city."}, "the prompt is one part"),
    "all of it protected": ("/v1/analyze", {"protect": [ANALYZE["prompt"]]}, "the prompt is one part"),
    "no rows to analyze": ("/v1/analyze", {"examples": []}, "examples"),
    "several targets": ("/v1/analyze", {"examples": [SEVERAL]}, "examples.0: an analysis takes one answer a row"),
    "weights of 0 to analyze": ("/v1/analyze", {"examples": [{**ROW, "weight": 0}]}, "every 'weight' is 0"),
    "too many scores to analyze": ("/v1/analyze", {"examples": [ROW] * 334}, "1,002 scores and at most 1,000"),
    "an unknown mode": ("/v1/analyze", {"mode": "drop"}, "mode"),
    "too many units": ("/v1/analyze", {"max_units": 51}, "max_units"),
    "an unknown model to analyze": ("/v1/analyze", {"model": "big"}, "no endpoint is called 'big'; known are: default"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "changes", "said"), REFUSED.values(), ids=REFUSED)
async def test_what_is_refused_before_the_scorer_is_asked(
    client: httpx.AsyncClient, scorer: ScriptedServer, path: str, changes: dict[str, Any], said: str
) -> None:
    body = {**(SCORE if path == "/v1/score" else ANALYZE), **changes}
    answer = await client.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
    problem = answer.json()
    assert (answer.status_code, problem["retryable"]) == (422, False), problem
    assert said in problem["detail"]
    assert "\n" not in problem["detail"]
    assert scorer.asked == []


@pytest.mark.parametrize(("path", "body"), BOTH, ids=["score", "analyze"])
@pytest.mark.parametrize(
    "error",
    [
        PlaceholderError("prompt 0 has the placeholder {{city}}, which example 1 does not fill"),
        TooLongError("prompt 0 with example 1 is 300 tokens and the model reads 256; shorten it"),
    ],
    ids=lambda error: error.code,
)
async def test_what_the_scorer_refuses_is_said_in_its_words(
    client: httpx.AsyncClient, scorer: ScriptedServer, path: str, body: dict[str, Any], error: PmpoError
) -> None:
    scorer.script = [refusal(error)]
    answer = await client.post(path, json=body)
    assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (422, error.code, error.message)
    assert len(scorer.asked) == 1


@pytest.mark.parametrize(("path", "body"), BOTH, ids=["score", "analyze"])
async def test_a_scorer_that_is_full_is_tried_once_more_and_then_says_when(
    client: httpx.AsyncClient, scorer: ScriptedServer, path: str, body: dict[str, Any]
) -> None:
    full = refusal(OverloadedError("the scorer has 2,000,000 tokens to do", retry_after_s=0.0))
    scorer.script = [full]
    assert (await client.post(path, json=body)).status_code == 200
    scorer.script = [full, replace(full, headers={"retry-after": "7"}, body={**full.body, "retry_after_s": 7})]
    answer = await client.post(path, json=body)
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (429, "overloaded", True)
    assert answer.headers["retry-after"] == "7"
    assert len(scorer.asked) == 4


@pytest.mark.parametrize(("path", "body"), BOTH, ids=["score", "analyze"])
async def test_a_scorer_that_is_away_is_one_sentence_with_the_remedy(
    client: httpx.AsyncClient, scorer: ScriptedServer, path: str, body: dict[str, Any]
) -> None:
    scorer.answer = lambda _: Reply(close=True)
    answer = await client.post(path, json=body)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["retryable"]) == (503, "scorer_unavailable", True)
    assert int(answer.headers["retry-after"]) >= 1
    assert f"the scorer at {scorer.url} does not answer" in problem["detail"]
    assert "pmpo up" in problem["detail"]
    assert len(scorer.asked) == 2


@pytest.mark.parametrize(("path", "body"), BOTH, ids=["score", "analyze"])
async def test_a_scorer_that_is_too_slow_is_hung_up_on_and_the_caller_told_what_to_do(
    api: FastAPI, client: httpx.AsyncClient, scorer: ScriptedServer, path: str, body: dict[str, Any]
) -> None:
    scorer.answer = lambda _: Reply(hang=True)
    async with open_http() as http:
        api.state.collaborators = replace(
            api.state.collaborators,
            scoring=ScoringService(
                {"default": Endpoint(name="default", url=scorer.url)},
                lambda row: InteractiveScorer(http, row, key=None, timeout_s=0.1),
            ),
        )
        answer = await client.post(path, json=body)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["retryable"]) == (503, "scorer_unavailable", True)
    assert problem["detail"] == (
        f"the scorer at {scorer.url} did not answer within 0.1 s; give fewer prompts, units or rows, or submit a job"
    )
    assert scorer.hung_up.wait(5)
    assert [asked.headers[DEADLINE_HEADER] for asked in scorer.asked] == ["100"]


@pytest.mark.parametrize(("path", "body"), BOTH, ids=["score", "analyze"])
@pytest.mark.parametrize("error", [UnauthorizedError("this scorer asks for its key"), None], ids=["key", "no route"])
async def test_the_scorer_s_wrong_key_or_address_is_not_the_caller_s(
    client: httpx.AsyncClient, scorer: ScriptedServer, path: str, body: dict[str, Any], error: PmpoError | None
) -> None:
    scorer.answer = lambda _: Reply(status=404) if error is None else refusal(error)
    answer = await client.post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (502, "upstream")
    assert "www-authenticate" not in answer.headers
    assert "PMPO_ENDPOINTS" in answer.json()["detail"]


WRONG = {
    "no object": ("/v1/score", []),
    "a row too few": ("/v1/score", {**SCORED, "log_likelihoods": [[-2.0], [-1.0]]}),
    "a prompt too many": ("/v1/score", {**SCORED, "num_tokens": [[2, 2]] * 3}),
    "a list for one target": ("/v1/score", {**SCORED, "log_likelihoods": [[[], -4.0], [-1.0, -1.0]]}),
    "no tokens": ("/v1/score", {**SCORED, "num_tokens": [[0, 2], [2, 2]]}),
    "no number": ("/v1/score", {**SCORED, "log_likelihoods": [[float("nan"), -4.0], [-1.0, -1.0]]}),
    "no losses": ("/v1/analyze", {**MASKED, "baseline": []}),
    "a span too few": ("/v1/analyze", {**MASKED, "delta": [0.5]}),
    "an error too many": ("/v1/analyze", {**MASKED, "standard_error": [0.0] * 3}),
}  # fmt: skip


@pytest.mark.parametrize(("path", "said"), WRONG.values(), ids=WRONG)
async def test_an_answer_to_another_question_is_refused(
    client: httpx.AsyncClient, scorer: ScriptedServer, path: str, said: Any
) -> None:
    scorer.answer = lambda _: Reply(said)
    answer = await client.post(path, json=SCORE if path == "/v1/score" else ANALYZE)
    assert (answer.status_code, answer.json()["code"]) == (502, "upstream"), answer.json()
    assert answer.json()["detail"].startswith(f"the scorer at {scorer.url} gave an answer")


async def test_rows_with_several_targets_count_their_first(client: httpx.AsyncClient, scorer: ScriptedServer) -> None:
    scorer.answer = lambda _: Reply({**SCORED, "log_likelihoods": [[[-2.0, -9.0]]], "num_tokens": [[[2, 3]]]})
    body = {"prompts": ["Go."], "examples": [SEVERAL]}
    assert (await client.post("/v1/score", json=body)).json()["losses"] == [1.0]
