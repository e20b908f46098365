"""What a shell is offered, and that it is never told of an error."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from pmpo.client import Client
from tests.shells import asked_by_zsh, offered


def test_commands_options_and_fixed_values_need_no_api() -> None:
    nowhere = {"PMPO_URL": "http://127.0.0.1:9"}
    assert offered("ana", **nowhere) == ["analyze"]
    assert offered("datasets", "ra", **nowhere) == ["rationalize"]
    assert offered("list", "--si", **nowhere) == ["--since"]
    assert offered("list", "--state", "ca", **nowhere) == ["cancelling", "cancelled"]
    assert offered("list", "--kind", "o", **nowhere) == ["optimize"]


def test_files_are_left_to_the_shell() -> None:
    assert offered("submit", "job") == []
    assert asked_by_zsh("pmpo submit job").stdout == "_files\n"


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Something that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    "words",
    [("status", ""), ("datasets", "rm", ""), ("schedule", "rm", ""), ("keys", "revoke", ""), ("prompts", "get", "")],
)
def test_without_an_api_nothing_is_offered(words: tuple[str, ...]) -> None:
    assert offered(*words, PMPO_URL="http://127.0.0.1:9") == []


@pytest.mark.parametrize("url", ["no address", "http://no.such.host.invalid", "ftp://127.0.0.1"])
def test_an_address_that_is_none_is_not_told_of(url: str) -> None:
    assert offered("status", "", PMPO_URL=url) == []
    assert asked_by_zsh(f"pmpo status --url '{url}' ").stderr == ""


def test_settings_that_are_wrong_are_not_told_of() -> None:
    assert offered("status", "", PMPO_URL="http://127.0.0.1:9", PMPO_NONSENSE="1") == []


def test_an_api_that_does_not_answer_is_not_waited_for(silent_server: str) -> None:
    assert offered("status", "", PMPO_URL=silent_server) == []


def test_of_a_prompt_that_is_not_there_nothing_is_offered(live_api: str) -> None:
    assert offered("prompts", "diff", "nobody", "", PMPO_URL=live_api) == []
    with Client(live_api) as client:
        client.create_prompt_version("somebody", "Name the city.")
    assert offered("prompts", "diff", "somebody", "", PMPO_URL=live_api) == ["latest", "1"]
