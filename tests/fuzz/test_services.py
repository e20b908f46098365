"""Jobs, data sets and prompts that nobody should send: a sentence each, no defect, no hang, no memory kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import strategies as st

from .conftest import Fuzzed, Share
from .inputs import ANALYZE, CHAT, JOB, JSON_LINES, MASKED, SCORE, TEXTS, bodies
from .tally import DEADLINE_S, Tally, for_each, judge, timed

MAX_GROWTH_MIB = {"api": 48.0, "scorer": 160.0}  # the scorer may remember 64 MB of contexts
JSON = {"content-type": "application/json"}
pytestmark = pytest.mark.timeout(0)  # the long form takes long; each answer has a deadline of its own

Post = Callable[[str, bytes], httpx.Response]


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=DEADLINE_S) as opened:
        yield opened


@pytest.fixture(autouse=True)
def flat_memory(fuzzed: Fuzzed, tally: Tally, request: pytest.FixtureRequest) -> Iterator[None]:
    before = fuzzed.memory_mib()
    yield
    after = fuzzed.memory_mib()
    tally.memory[request.node.name] = {"before": before, "after": after}
    for name, most in MAX_GROWTH_MIB.items():
        assert after[name] - before[name] < most, f"{name} grew from {before[name]:.0f} to {after[name]:.0f} MiB"


def test_jobs(fuzzed: Fuzzed, client: httpx.Client, tally: Tally, share: Share, seed: int) -> None:
    def check(body: bytes) -> None:
        def send() -> str:
            answer = client.post(f"{fuzzed.api}/v1/jobs", content=body, headers=JSON)
            judge(answer)
            if answer.status_code == 201:
                job = f"{fuzzed.api}/v1/jobs/{answer.json()['id']}"
                for method, path in (("GET", ""), ("GET", "/report"), ("POST", "/cancel"), ("DELETE", "")):
                    judge(client.request(method, job + path))
            return str(answer.status_code)

        timed(tally, "POST /v1/jobs", send)

    for_each(bodies(JOB), share(0.25), seed, check)
    assert tally.cases["POST /v1/jobs"]["422"] > 0


def test_estimates(fuzzed: Fuzzed, client: httpx.Client, tally: Tally, share: Share, seed: int) -> None:
    url = f"{fuzzed.api}/v1/jobs/estimate"
    _post_all(client, url, "POST /v1/jobs/estimate", bodies(JOB), tally=tally, num_inputs=share(0.1), seed=seed)


def test_json_lines(fuzzed: Fuzzed, client: httpx.Client, tally: Tally, share: Share, seed: int) -> None:
    def check(body: bytes) -> None:
        def send() -> str:
            headers = {"content-type": "application/x-ndjson"}
            answer = client.post(f"{fuzzed.api}/v1/datasets", content=body, headers=headers, params={"name": "fuzzed"})
            judge(answer)
            if answer.status_code in (200, 201):
                made = f"{fuzzed.api}/v1/datasets/{answer.json()['id']}"
                judge(client.get(made, params={"limit": 3}))
                judge(client.delete(made))
            return str(answer.status_code)

        timed(tally, "POST /v1/datasets", send)

    for_each(JSON_LINES, share(0.15), seed, check)


def test_analyses(fuzzed: Fuzzed, client: httpx.Client, tally: Tally, share: Share, seed: int) -> None:
    for path, document in (("/v1/analyze", ANALYZE), ("/v1/score", {**SCORE, "model": "default"})):
        case = f"POST {path} of the API"
        _post_all(client, fuzzed.api + path, case, bodies(document), tally=tally, num_inputs=share(0.03), seed=seed)


def test_versions_of_prompts(fuzzed: Fuzzed, client: httpx.Client, tally: Tally, share: Share, seed: int) -> None:
    made = bodies({"prompt": "Say it.", "note": "n", "labels": ["production"]})
    url, case = f"{fuzzed.api}/v1/prompts/fuzzed/versions", "POST /v1/prompts/{name}/versions"
    _post_all(client, url, case, made, tally=tally, num_inputs=share(0.05), seed=seed)


@pytest.mark.parametrize(
    ("path", "document", "part"),
    [
        ("/v1/score", SCORE, 0.1),
        ("/v1/tokenize", SCORE, 0.05),
        ("/v1/tokenize", {"texts": ["one", "two"]}, 0.02),
        ("/v1/masked-losses", MASKED, 0.05),
        ("/v1/chat/completions", CHAT, 0.05),
    ],
)
def test_scoring(
    *,
    fuzzed: Fuzzed,
    client: httpx.Client,
    tally: Tally,
    share: Share,
    seed: int,
    path: str,
    document: dict[str, object],
    part: float,
) -> None:
    url, made = fuzzed.scorer + path, bodies(document)
    _post_all(client, url, f"POST {path}", made, tally=tally, num_inputs=share(part), seed=seed)


def test_prompts(fuzzed: Fuzzed, client: httpx.Client, tally: Tally, share: Share, seed: int) -> None:
    """Any text may be a prompt, an input or a target."""

    def check(texts: tuple[str, str, str]) -> None:
        prompt, given, target = texts

        def send() -> str:
            body = {"prompts": [prompt], "examples": [{"input": given, "target": target}]}
            answer = client.post(f"{fuzzed.scorer}/v1/score", json=body)
            judge(answer)
            if answer.status_code == 200:
                assert answer.json()["log_likelihoods"][0][0] <= 1e-6
            return str(answer.status_code)

        timed(tally, "POST /v1/score, any text", send)

    whole = TEXTS.map(lambda text: text.encode("utf-8", "replace").decode())
    for_each(st.tuples(whole, whole, whole), share(0.08), seed, check)


def _post_all(
    client: httpx.Client,
    url: str,
    case: str,
    made: st.SearchStrategy[bytes],
    *,
    tally: Tally,
    num_inputs: int,
    seed: int,
) -> None:
    def check(body: bytes) -> None:
        def send() -> str:
            answer = client.post(url, content=body, headers=JSON)
            judge(answer)
            return str(answer.status_code)

        timed(tally, case, send)

    for_each(made, num_inputs, seed, check)
