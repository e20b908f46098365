"""Secrets are taken out of whatever is written, and nothing else is."""

import json
import os
import subprocess
import sys

import httpx
import pytest

from pmpo.runtime.http import said_by
from pmpo.runtime.secrets import MASK, known_secrets, masking, without_password
from pmpo.runtime.settings import Settings, load_settings

KEY = f"pmpo_{'0a' * 6}_{'1b' * 32}"
ENVIRONMENT = {
    "PMPO_REDIS_URL": "redis://operator:p%40ssw0rd@127.0.0.1:6379/0",
    "PMPO_API_KEY": KEY,
    "PMPO_SCORER_KEY": "scorer-key-0123456789",  # made up
    "PMPO_SCORER_REMOTE_KEY": "remote-key-0123456789",  # made up
    "PMPO_WEBHOOK_SECRET": "whsec_b25lIHNlY3JldCBvZiAyNCBieXRlcw==,whsec_YW5vdGhlciBzZWNyZXQgb2YgMjQgYg==",  # made up
    "PMPO_ENDPOINTS": '{"default": {"url": "http://scorer:8100", "key_variable": "MY_KEY"}}',
    "MY_KEY": "endpoint-key-0123456789",  # made up
}
SECRETS = [
    "p@ssw0rd",
    "p%40ssw0rd",
    KEY,
    "scorer-key-0123456789",
    "remote-key-0123456789",
    "whsec_b25lIHNlY3JldCBvZiAyNCBieXRlcw==",  # made up
    "whsec_YW5vdGhlciBzZWNyZXQgb2YgMjQgYg==",  # made up
    "endpoint-key-0123456789",
]


def test_every_secret_of_the_settings_is_known() -> None:
    found = known_secrets(load_settings(ENVIRONMENT), ENVIRONMENT)
    assert set(SECRETS) <= found
    mask = masking(found)
    assert mask(" ".join(SECRETS)) == " ".join([MASK] * len(SECRETS))


def test_settings_do_not_show_theirs() -> None:
    shown = repr(load_settings(ENVIRONMENT))
    assert not [secret for secret in SECRETS if secret in shown]


def test_a_setting_that_sounds_like_a_secret_is_one() -> None:
    """A new key, secret, password or token among the settings must be hidden, too."""
    words = {"key", "secret", "password", "token"}
    named = {name for name in Settings.model_fields if words & set(name.split("_"))}
    assert named <= {name for name, field in Settings.model_fields.items() if field.repr is False}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"key {KEY} came", f"key {MASK} came"),
        ("Authorization: Bearer abcdef.123-456", f"Authorization: Bearer {MASK}"),
        ("{'authorization': 'bearer abcdef123456'}", f"{{'authorization': 'bearer {MASK}'}}"),
        ("cannot reach redis://user:pass@host:6379/0", f"cannot reach redis://{MASK}@host:6379/0"),
        ("at https://:token@host/v1?x=a@b", f"at https://{MASK}@host/v1?x=a@b"),
    ],
)
def test_what_looks_like_a_secret_is_masked_though_nobody_knows_it(text: str, expected: str) -> None:
    assert masking()(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "key 0a0a0a0a0a0a is revoked",
        "listening on http://127.0.0.1:8000",
        "http://scorer:8100/v1/score answered 500",
        "write to somebody@example.org about http://example.org",
        "a bearer of news",
        "",
    ],
)
def test_everything_else_stays(text: str) -> None:
    assert masking(["short", ""])(text) == text


def test_a_secret_is_found_as_json_writes_it() -> None:
    secret = 'quote"back\\slash'
    assert secret not in masking([secret])(json.dumps({"x": secret})) and "quote" not in masking([secret])(
        json.dumps({"x": secret})
    )


def test_a_longer_secret_is_not_left_in_half() -> None:
    assert masking(["secret", "secret-and-more"])("x secret-and-more y secret") == f"x {MASK} y {MASK}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:pass@host:6379/0", f"redis://{MASK}@host:6379/0"),
        ("rediss://:p@ss@host/0", f"rediss://{MASK}@host/0"),
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_a_server_that_repeats_our_key_is_not_quoted_in_that() -> None:
    request = httpx.Request("POST", "http://models/v1", headers={"authorization": "Bearer sk-0123456789"})
    for body in (b"no such key: sk-0123456789", b'{"error": {"message": "wrong key sk-0123456789 given"}}'):
        said = said_by(httpx.Response(401, content=body, request=request))
        assert "sk-0123456789" not in said and MASK in said


PROGRAM = """
import logging, os
from pmpo.runtime.logs import configure_logs, get_logger
from pmpo.runtime.secrets import known_secrets
from pmpo.runtime.settings import load_settings
configure_logs("test", "debug", known_secrets(load_settings()))
secrets = os.environ["WANTED"].split("\\n")
for secret in secrets:
    get_logger().info(f"event {secret}", value=secret, inner={"list": [secret]})
    logging.getLogger("other").warning("message %s", secret, extra={"more": secret})
    try:
        raise ValueError(secret)
    except ValueError as error:
        get_logger().error("failed", exc_info=error)
        logging.getLogger("other").exception("failed")
get_logger().info("after", value="kept")
"""


def test_no_line_of_a_log_holds_one() -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PMPO_")}
    environment = {**kept, **ENVIRONMENT, "WANTED": "\n".join(SECRETS)}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    lines = run.stderr.splitlines()
    assert len(lines) == 4 * len(SECRETS) + 1
    assert all(json.loads(line)["process"] == "test" for line in lines)
    assert not [secret for secret in SECRETS if secret in run.stderr + run.stdout]
    assert json.loads(lines[-1])["value"] == "kept"
