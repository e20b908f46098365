"""API keys from the outside: the real API process, the command line, and a Redis without any key at first."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from pmpo.client import Client
from pmpo.contracts.keys import NewKey
from pmpo.errors import ForbiddenError, NotFoundError, UnauthorizedError
from services.stack.options import free_port
from tests.shells import offered
from tests.unit.private_redis import PrivateRedis

from .conftest import clean_environment, wait_for

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    redis = PrivateRedis(tmp_path)
    redis.start()
    yield redis.url
    redis.kill()


@pytest.fixture
def run(redis_url: str) -> Run:
    def run_program(program: str, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        start = ["-c", "from pmpo.cli.main import run; run()"] if program == "pmpo" else ["-m", program]
        environment = clean_environment(PMPO_REDIS_URL=redis_url, **settings)
        return subprocess.run(
            [sys.executable, "-P", *start, *words], env=environment, capture_output=True, text=True, timeout=60
        )

    return run_program


@contextmanager
def serving(redis_url: str, log: list[str] | None = None, **settings: str) -> Iterator[str]:
    """The API as a process of its own, asked at loopback. What it has logged is in ``log`` afterwards."""
    port = free_port()
    environment = clean_environment(PMPO_REDIS_URL=redis_url, PMPO_API_PORT=str(port), **settings)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "services.api"], env=environment, stderr=subprocess.PIPE, text=True
    )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, process.communicate()[1]
        try:
            return httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_for(answers, "the API")
        yield url
    finally:
        process.terminate()
        logged = process.communicate(timeout=60)[1]
        if log is not None:
            log.append(logged)


def test_from_no_key_to_a_revoked_one(run: Run, redis_url: str) -> None:
    refused = run("services.api", PMPO_API_HOST="0.0.0.0", PMPO_API_PORT="0")
    assert refused.returncode == 1
    assert "services.api.keys --name" in refused.stderr and refused.stderr.count("\n") == 1

    first = run("services.api.keys", "--name", "first", "--project", "web")
    assert (first.returncode, first.stderr) == (0, "")
    admin = first.stdout.strip()

    with serving(redis_url, PMPO_API_HOST="0.0.0.0") as url:
        as_admin = {"PMPO_URL": url, "PMPO_API_KEY": admin}
        made = run("pmpo", "keys", "create", "--name", "[ci]", "--scope", "read", "--days", "1", **as_admin)
        key = made.stdout.strip()
        assert key.startswith("pmpo_") and made.stdout.count("\n") == 1
        assert "not shown again" in made.stderr and key not in made.stderr

        listed = run("pmpo", "keys", "list", **as_admin)
        assert "[ci]" in listed.stdout and "first" in listed.stdout
        assert key not in listed.stdout and admin not in listed.stdout
        (found,) = [
            row
            for row in json.loads(run("pmpo", "keys", "list", "--json", **as_admin).stdout)["keys"]
            if row["name"] == "[ci]"
        ]
        assert (found["project"], found["scopes"]) == ("web", ["read"])

        with Client(url, api_key=key) as client:
            with pytest.raises(NotFoundError):
                client.get_job("j1")
            with pytest.raises(ForbiddenError, match="scope admin"):
                client.create_key(NewKey(name="more"))
        assert offered("keys", "revoke", found["id"][:8], **as_admin) == [found["id"]]
        assert offered("keys", "revoke", "", PMPO_URL=url, PMPO_API_KEY=key) == [], "a completion tells of no error"
        revoked = run("pmpo", "keys", "revoke", found["id"], **as_admin)
        assert (revoked.returncode, revoked.stdout) == (0, f"key {found['id']} is revoked\n")
        with Client(url, api_key=key) as client, pytest.raises(UnauthorizedError, match="revoked"):
            client.get_job("j1")
        with Client(url, api_key="") as client, pytest.raises(UnauthorizedError, match="PMPO_API_KEY"):
            client.get_job("j1")
        assert offered("status", "", PMPO_URL=url, PMPO_API_KEY=key) == []
        stranger = run("pmpo", "status", "j1", PMPO_URL=url)
        assert (stranger.returncode, stranger.stdout) == (2, "")
        assert "PMPO_API_KEY" in stranger.stderr


def test_keys_cannot_be_switched_off_where_others_could_call(run: Run) -> None:
    refused = run("services.api", PMPO_API_HOST="0.0.0.0", PMPO_API_KEYS="off", PMPO_API_PORT="0")
    assert refused.returncode == 1
    assert refused.stderr.startswith("PMPO_API_KEYS=off needs an API that is bound to loopback")


def test_secrets_are_in_no_answer_and_no_line_of_the_log(redis_url: str) -> None:
    """The API with secrets of every kind, none of which it can use: everything fails, and nothing tells of them."""
    secrets = {
        "redis": "redis-password-0123456789",
        "endpoint": "endpoint-key-0123456789",
        "webhook": "whsec_YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcy4uLi4=",  # made up
        "caller": f"pmpo_{'0a' * 6}_{'1b' * 32}",
    }
    settings = {
        "PMPO_LOG_LEVEL": "debug",
        "PMPO_API_KEYS": "required",
        "PMPO_WEBHOOK_SECRET": secrets["webhook"],
        "PMPO_ENDPOINTS": f'{{"default": {{"url": "http://127.0.0.1:{free_port()}", "key_variable": "MY_KEY"}}}}',
        "MY_KEY": secrets["endpoint"],
    }
    log: list[str] = []
    answers = []
    locked = redis_url.replace("redis://", f"redis://somebody:{secrets['redis']}@")
    with serving(locked, log, **settings) as url, httpx.Client(base_url=url, trust_env=False) as client:
        key = {"authorization": f"Bearer {secrets['caller']}"}
        answers += [client.get(path, headers=key) for path in ("/readyz", "/v1/jobs", "/v1/keys", "/nothing")]
        answers += [client.post("/v1/jobs", headers=key, json={"prompt": "x"})]
        answers += [client.get("/v1/jobs", headers={"authorization": f"Basic {secrets['caller']}"})]
        answers += [client.get("/v1/jobs/" + secrets["caller"])]
    assert {answer.status_code for answer in answers} == {401, 503}
    written = log[0] + "".join(f"{answer.headers} {answer.text}" for answer in answers)
    assert "store_unavailable" in written
    assert [name for name, secret in secrets.items() if secret in written] == []
