"""The scorer's client over real HTTP: what it sends, what it takes, what it refuses."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from pmpo.contracts.scoring import JOB_HEADER, ScoreRequest, TokenizeTextsRequest
from pmpo.errors import InvalidInputError, ModelChangedError, NonFiniteScoreError, TooLongError, UpstreamError
from pmpo.optim.ports import Scorer
from pmpo.optim.types import Example, ModelIdentity
from pmpo.remote.answers import ServedModel
from pmpo.remote.scorer import ScorerClient
from pmpo.remote.transport import RetryPolicy
from pmpo.runtime.endpoints import Endpoint

if TYPE_CHECKING:
    from tests.unit.remote.conftest import Asked, Reply, ScriptedServer

IDENTITY = ModelIdentity("nano", "abc", "float32", "torch_tree")
EXAMPLES = (
    Example(4, "in", ("out",), {"input": "in", "unit": "cm"}),
    Example(9, "two", ("a", "b", "c")),
)


def _client(http: httpx.AsyncClient, server: ScriptedServer, identity: ModelIdentity | None = None) -> ScorerClient:
    endpoint = Endpoint(name="default", url=server.url)
    return ScorerClient(http, endpoint, timeout_s=10, identity=identity, policy=RetryPolicy(5, 0.0, 0.0))


def _scores(num_prompts: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "log_likelihoods": [[-1.5, [-0.1, -0.2, -1e-300]] for _ in range(num_prompts)],
        "num_tokens": [[2, [1, 2, 3]] for _ in range(num_prompts)],
        "model": "nano",
        "revision": "abc",
        "dtype": "float32",
        "engine": "torch_tree",
        "timings": {"tokenize_s": 0, "queue_s": 0, "compute_s": 0},
        "scored_tokens": 70,
        "computed_tokens": 40,
        **changes,
    }


async def test_scores_come_back_as_asked(http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]) -> None:
    server.answer = lambda asked: reply(_scores(len(asked.body["prompts"])))
    client: Scorer = _client(http, server)
    scores = await client.score(["p", "q {{unit}}"], EXAMPLES)
    assert scores.log_likelihoods == (((-1.5,), (-0.1, -0.2, -1e-300)),) * 2
    assert scores.num_tokens == (((2,), (1, 2, 3)),) * 2
    assert (scores.scored_tokens, scores.computed_tokens, scores.identity) == (70, 40, IDENTITY)


async def test_the_request_is_the_documented_one(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda _: reply(_scores())
    await _client(http, server).score(["p"], EXAMPLES)
    (asked,) = server.asked
    assert asked.path == "/v1/score"
    request = ScoreRequest.model_validate(asked.body)
    assert request.prompts == ["p"]
    assert [row.all_targets for row in request.examples] == [("out",), ("a", "b", "c")]
    assert [row.all_fields for row in request.examples] == [{"input": "in", "unit": "cm"}, {"input": "two"}]


async def test_how_answers_begin_goes_with_scores_and_counts(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    rows = [dataclasses.replace(row, answer_prefix="The answer is ") for row in EXAMPLES]
    server.answer = lambda asked: reply(_scores() if asked.path == "/v1/score" else {"num_tokens": [[5, [3, 4, 5]]]})
    client = _client(http, server)
    await client.score(["p"], rows)
    assert await client.num_scored_tokens(["p"], rows) == [[5, 12]]
    assert [ScoreRequest.model_validate(asked.body).answer_prefix for asked in server.asked] == ["The answer is "] * 2
    with pytest.raises(InvalidInputError, match="begin their answers in 2 ways; give one"):
        await client.score(["p"], [rows[0], EXAMPLES[1]])


@pytest.mark.parametrize("value", [None, math.nan, -math.inf, 0.5])
async def test_a_number_that_is_no_log_likelihood_is_never_passed_on(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply], value: float | None
) -> None:
    server.answer = lambda _: reply(_scores(log_likelihoods=[[-1.0, [-1.0, value, -1.0]]]))
    with pytest.raises(NonFiniteScoreError, match="as the log-likelihood of row 9 under prompt 0"):
        await _client(http, server).score(["p"], EXAMPLES)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"log_likelihoods": []}, "0 entries as log_likelihoods where 1 were asked for"),
        ({"log_likelihoods": [[-1.0]]}, "1 entries as log_likelihoods where 2 were asked for"),
        ({"log_likelihoods": [[-1.0, [-1.0]]]}, "1 entries as log_likelihoods where 3 were asked for"),
        ({"log_likelihoods": [[-1.0, -1.0]]}, "no list as log_likelihoods"),
        ({"log_likelihoods": [["-1", [-1.0, -1.0, -1.0]]]}, "answered str where a log-likelihood should stand"),
        ({"num_tokens": [[0, [1, 1, 1]]]}, "answered 0 as num_tokens, which is no count"),
        ({"scored_tokens": 1.5}, "answered 1.5 as scored_tokens"),
        ({"computed_tokens": None}, "answered None as computed_tokens"),
        ({"model": None}, "did not say its model"),
    ],
)
async def test_another_shape_is_refused(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply], changes: dict[str, Any], says: str
) -> None:
    server.answer = lambda _: reply(_scores(**changes))
    with pytest.raises(UpstreamError, match=f"the scorer at {server.url}") as refusal:
        await _client(http, server).score(["p"], EXAMPLES)
    assert says in str(refusal.value)


@pytest.mark.parametrize("key", ["model", "revision", "dtype", "engine"])
async def test_a_change_of_identity_is_refused(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply], key: str
) -> None:
    server.script = [reply(_scores()), reply({**_scores(), key: "other"})]
    client = _client(http, server)
    assert client.identity is None
    await client.score(["p"], EXAMPLES)
    assert client.identity == IDENTITY
    with pytest.raises(ModelChangedError, match="began with nano"):
        await client.score(["p"], EXAMPLES)
    assert client.identity == IDENTITY


async def test_the_jobs_first_identity_can_be_given(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda _: reply(_scores())
    with pytest.raises(ModelChangedError, match=r"now serves nano \(abc, float32, torch_tree\)"):
        await _client(http, server, ModelIdentity("nano", "old", "float32", "torch_tree")).score(["p"], EXAMPLES)


def _count_by_length(asked: Asked, reply: type[Reply]) -> Reply:
    """Counts that name their cell, so that batches put together in the wrong order are seen."""
    if "texts" in asked.body:
        TokenizeTextsRequest.model_validate(asked.body)
        return reply({"num_tokens": [int(text) for text in asked.body["texts"]]})
    rows = asked.body["examples"]
    return reply({"num_tokens": [[_cell(int(prompt), row) for row in rows] for prompt in asked.body["prompts"]]})


def _cell(prompt: int, row: dict[str, Any]) -> int | list[int]:
    count = 10_000 * prompt + int(row["fields"]["input"])
    return count if "target" in row else [count] * len(row["targets"])


@pytest.mark.parametrize(("num_prompts", "num_examples"), [(1, 1), (3, 700), (45, 50), (2, 4_500)])
async def test_token_counts_come_in_bounded_batches_and_in_order(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply], num_prompts: int, num_examples: int
) -> None:
    server.answer = lambda asked: _count_by_length(asked, reply)
    examples = [Example(index, str(index + 1), ("t",)) for index in range(num_examples)]
    prompts = [str(number) for number in range(num_prompts)]
    counts = await _client(http, server).num_scored_tokens(prompts, examples)
    assert counts == [[10_000 * row + column + 1 for column in range(num_examples)] for row in range(num_prompts)]
    assert all(len(asked.body["prompts"]) * len(asked.body["examples"]) <= 2_000 for asked in server.asked)


async def test_counts_of_several_targets_are_summed(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda asked: _count_by_length(asked, reply)
    assert await _client(http, server).num_scored_tokens(["0"], [Example(0, "7", ("a", "b"))]) == [[14]]


async def test_texts_are_counted(http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]) -> None:
    server.answer = lambda asked: _count_by_length(asked, reply)
    client = _client(http, server)
    assert await client.count_tokens([str(number) for number in range(600)]) == list(range(600))
    assert len(server.asked) == 3
    assert await client.count_tokens([]) == []


def _too_long(place: int) -> dict[str, Any]:
    return {
        "type": "urn:pmpo:problem:too_long",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": f"prompt 0 with example {place} is 900 tokens; the model's context is 512 tokens",
        "code": "too_long",
        "retryable": False,
        "request_id": "r",
    }


@pytest.mark.parametrize("too_long", [1, 2, 7, 13])
async def test_what_is_too_long_is_named_by_its_row(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply], too_long: int
) -> None:
    def answer(asked: Asked) -> Reply:
        inputs = [row["fields"]["input"] for row in asked.body["examples"]]
        fits = str(too_long) not in inputs
        return _count_by_length(asked, reply) if fits else reply(_too_long(inputs.index(str(too_long))), 422)

    server.answer = answer
    examples = [Example(100 + place, str(place + 1), ("t",)) for place in range(13)]
    with pytest.raises(TooLongError) as refusal:
        await _client(http, server).num_scored_tokens(["0", "1"], examples)
    assert str(refusal.value) == (
        f"the prompt with row {99 + too_long} (from 0) of the data is 900 tokens; the model's context is 512 tokens"
    )


async def test_a_refusal_keeps_its_class_and_sentence(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda _: reply(_too_long(3), 422)
    with pytest.raises(TooLongError, match="prompt 0 with example 3 is 900 tokens"):
        await _client(http, server).score(["p"], EXAMPLES)
    assert len(server.asked) == 1


async def test_template_arguments_go_with_scores_and_counts(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda asked: reply(_scores() if asked.path == "/v1/score" else {"num_tokens": [[5, [3, 4, 5]]]})
    endpoint, arguments = Endpoint(name="default", url=server.url), {"enable_thinking": False}
    client = ScorerClient(http, endpoint, timeout_s=10, chat_template_kwargs=arguments)
    await client.score(["p"], EXAMPLES)
    await client.num_scored_tokens(["p"], EXAMPLES)
    assert [ScoreRequest.model_validate(asked.body).chat_template_kwargs for asked in server.asked] == [arguments] * 2


def _card(**changes: Any) -> dict[str, Any]:
    card = {"id": "nano", "revision": "abc", "dtype": "float32", "engine": "torch_tree", "deterministic": True}
    return {"object": "list", "data": [{**card, **changes}]}


async def test_the_model_is_asked_for_and_is_the_one_of_the_job(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.script = [reply({"busy": True}, 503), reply(_card()), reply(_card(revision="abd", deterministic=False))]
    client = _client(http, server)
    assert await client.ask_model() == ServedModel(IDENTITY, is_deterministic=True)
    assert client.identity == IDENTITY
    with pytest.raises(ModelChangedError, match="abd"):
        await client.ask_model()
    assert [asked.path for asked in server.asked] == ["/v1/models"] * 3


@pytest.mark.parametrize("answer", [{}, {"data": []}, _card(revision=None), []])
async def test_a_model_of_another_form_is_refused(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply], answer: Any
) -> None:
    server.answer = lambda _: reply(answer)
    with pytest.raises(UpstreamError, match="the scorer at"):
        await _client(http, server).ask_model()


@pytest.mark.parametrize("job", ["j1", None])
async def test_calls_name_their_job(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply], job: str | None
) -> None:
    server.answer = lambda asked: reply(_scores() if asked.path == "/v1/score" else _card())
    client = ScorerClient(http, Endpoint(name="default", url=server.url), timeout_s=10, job=job)
    await client.ask_model()
    await client.score(["p"], EXAMPLES)
    assert [httpx.Headers(dict(asked.headers)).get(JOB_HEADER) for asked in server.asked] == [job, job]
