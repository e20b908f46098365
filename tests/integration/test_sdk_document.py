"""docs/sdk.md: its blocks run in their order on a real stack, and its table has every call."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pmpo.cli.embedded import StackAddresses, StackOptions, running_stack
from pmpo.client import AsyncClient, Client

TEXT = (Path(__file__).parents[2] / "docs" / "sdk.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackAddresses]:
    with running_stack(StackOptions(state_dir=tmp_path_factory.mktemp("state"))) as running:
        yield running.addresses


@pytest.mark.timeout(600)
def test_the_blocks_run_in_their_order(
    stack: StackAddresses, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PMPO_URL", stack.api)
    monkeypatch.delenv("PMPO_API_KEY", raising=False)
    names: dict[str, Any] = {}
    said = []
    for block in BLOCKS:
        exec(block, names)  # noqa: S102 (our own text)
        said.append(capsys.readouterr().out)
    assert len(BLOCKS) == 9
    assert "\nsucceeded\n" in said[1]
    assert said[-2] == "unknown_key unknown key 'promt', did you mean 'prompt'?\n"


def calls_of(client: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(client, callable) if not name.startswith("_")}


def test_the_table_has_every_call_and_no_other() -> None:
    _, _, table = TEXT.partition("\n## All calls\n")
    assert set(re.findall(r"`(\w+)\(", table)) == calls_of(Client)


def test_both_faces_have_the_same_calls() -> None:
    assert calls_of(Client) == calls_of(AsyncClient)
