"""A planted secret is found, and what only looks a little like one is not. The secrets are put together here."""

import base64
import hashlib
import random
from pathlib import Path

import pytest

from scripts.check_secrets import MIN_BITS_PER_CHARACTER, bits_per_character, main

LETTERS = hashlib.sha512(b"made up").hexdigest()
PLANTED = {
    "PMPO key": f"pmpo_{LETTERS[:12]}_{LETTERS[:64]}",
    "webhook secret": "whsec_" + base64.b64encode(LETTERS[:32].encode()).decode(),
    "private key": "-----BEGIN " + "OPENSSH PRIVATE KEY-----",
    "AWS key": "AKIA" + LETTERS[:16].upper(),
    "GitHub token": "ghp_" + LETTERS[:36],
    "Hugging Face token": "hf_" + LETTERS[:34],
    "model server key": "sk-" + LETTERS[:40],
    "Slack token": "xoxb-" + LETTERS[:24],
    "signed token": "eyJ" + LETTERS[:20] + ".eyJ" + LETTERS[:20] + "." + LETTERS[:20],
}


def found_in(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    file = folder / "file.txt"
    file.write_text(f"first line\n{text}\n")
    status = main([str(file)])
    out = capsys.readouterr().out.splitlines()
    assert status == (1 if out else 0)
    return out


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_secret_is_found_and_not_printed(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = found_in(tmp_path, f'    value = "{PLANTED[kind]}",', capsys)
    assert line.startswith(f"{tmp_path / 'file.txt'}:2: this looks like a {kind}")
    assert PLANTED[kind] not in line


@pytest.mark.parametrize("name", ["API_KEY", "my-secret", '"password"', "ACCESS_TOKEN", "redis_password"])
@pytest.mark.parametrize("sign", ["=", ": ", " = "])
def test_something_random_beside_a_telling_name_is_found(
    name: str, sign: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(found_in(tmp_path, f"{name}{sign}'{LETTERS[:32]}'", capsys)) == 1


@pytest.mark.parametrize(
    "text",
    [
        f"revision = '{LETTERS[:40]}'",
        "key_variable = 'PMPO_SCORER_REMOTE_KEY'",
        "api_key: str | None = Field(default=None, repr=False)",
        "token = tokenizer.special_tokens_map_extended_for_all",
        "PMPO_API_KEY=pmpo_0123456789ab_...",
        "password: correct-horse-battery-staple-of-words",
        "[API_KEY](https://example.org/a/long/path/to/nowhere)",
    ],
)
def test_what_is_none_is_left_alone(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert found_in(tmp_path, text, capsys) == []


def test_a_made_up_one_is_excused_in_its_own_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = PLANTED["PMPO key"]
    assert found_in(tmp_path, f'KEY = "{key}"  # made up', capsys) == []
    assert len(found_in(tmp_path, f'# made up\nKEY = "{key}"', capsys)) == 1


def test_real_keys_are_random_enough() -> None:
    """The least that a hundred drawn keys have is above the bound by which they are found."""
    draws = random.Random(0)
    drawn = [draws.randbytes(32).hex() for _ in range(100)]
    drawn += [base64.urlsafe_b64encode(draws.randbytes(32)).decode() for _ in range(100)]
    assert min(map(bits_per_character, drawn)) > MIN_BITS_PER_CHARACTER


def test_this_repository_holds_none() -> None:
    assert main([]) == 0
