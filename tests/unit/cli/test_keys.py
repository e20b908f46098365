"""``pmpo keys`` against a real API: what is printed where, and how it ends."""

import json
import re

import pytest

from pmpo.cli.main import main


@pytest.fixture(autouse=True)
def at_the_api(live_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMPO_URL", live_api)


def test_the_key_alone_is_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "create", "--name", "a [b]", "--scope", "admin", "--scope", "read", "--days", "2"]) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(r"pmpo_[0-9a-f]{12}_[0-9a-f]{64}\n", out)
    assert "not shown again" in err and out.strip() not in err

    assert main(["keys", "list"]) == 0
    table = " ".join(capsys.readouterr().out.split())
    assert "a [b]" in table and "read, admin" in table and "never" in table and out.strip() not in table

    assert main(["keys", "list", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)["keys"]
    assert listed["expires_at"] - listed["created_at"] == pytest.approx(2 * 86_400)

    assert main(["keys", "revoke", listed["id"]]) == 0
    assert capsys.readouterr().out == f"key {listed['id']} is revoked\n"
    assert main(["keys", "revoke", listed["id"], "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--name", ""], "name"),
        (["--name", "x", "--days", "0"], "expires_in_s"),
        (["--name", "x", "--days", "nan"], "expires_in_s"),
        (["--name", "x", "--scope", "root"], "root"),
        ([], "--name"),
    ],
)
def test_what_cannot_be_a_key_is_refused(options: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "create", *options]) == 2
    out, err = capsys.readouterr()
    assert out == "" and named in err


@pytest.mark.parametrize("command", ["create", "list", "revoke"])
def test_help_shows_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", command, "--help"]) == 0
    assert f"Example: pmpo keys {command}" in " ".join(capsys.readouterr().out.split())
