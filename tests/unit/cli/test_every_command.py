"""Every command has an example in its help that can be typed, and one in the documents that a test runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from pmpo.cli.commands import app
from tests import documented
from tests.documented import EXECUTED, ROOT

Path = tuple[str, ...]


def leaves(command: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The commands that do something, with the words that lead there."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, each in inner.items():
        yield from leaves(each, (*path, name))


COMMANDS = dict(leaves(typer.main.get_command(app)))
IDS = [" ".join(path) for path in COMMANDS]


def leads(words: list[str], path: Path) -> bool:
    return tuple(words[: len(path)]) == path


def assert_accepted(path: Path, words: list[str]) -> None:
    """The command takes these words, as far as it can be told without running it. Raises its own usage error."""
    COMMANDS[path].make_context(" ".join(path), words[len(path) :])


def test_the_tree_is_walked() -> None:
    assert {("demo",), ("datasets", "rationalize"), ("ci", "check")} <= set(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS, ids=IDS)
def test_help_shows_an_example(path: Path) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert shown.exit_code == 0
    _, found, example = " ".join(shown.output.split()).partition("Example: pmpo ")
    assert found, f"`pmpo {' '.join(path)} --help` shows no line that begins with `Example: pmpo`"
    words = shlex.split(example)
    assert leads(words, path)
    assert_accepted(path, words)


@pytest.mark.parametrize("path", COMMANDS, ids=IDS)
def test_help_shows_no_type_of_python_s(path: Path) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"], prog_name="pmpo", env={"COLUMNS": "200", "TERM": "dumb"}).output
    assert f"Usage: pmpo {' '.join(path)} [OPTIONS]" in shown
    assert not re.search(r"[{}]|<bool>|<int|\[\[|--\S+ +<(str|path)>", shown), shown


@pytest.mark.parametrize("path", COMMANDS, ids=IDS)
def test_a_document_has_an_example_that_a_test_runs(path: Path) -> None:
    found = [words for section in EXECUTED for words in section.commands() if leads(words, path)]
    assert found, f"add an example of `pmpo {' '.join(path)}` to a section of tests/documented.py"
    for words in found:
        assert_accepted(path, words)


def test_every_example_is_of_a_command() -> None:
    options = {option for parameter in typer.main.get_command(app).params for option in parameter.opts}
    for section in EXECUTED:
        for words in section.commands():
            assert words[0] in options or any(leads(words, path) for path in COMMANDS), words


@pytest.mark.parametrize("section", EXECUTED, ids=lambda section: f"{section.document} {section.heading}".strip())
def test_the_tests_that_run_them_read_them_there(section: Any) -> None:
    [name] = [name for name, value in vars(documented).items() if value is section]
    for test in section.run_by:
        text = (ROOT / test).read_text(encoding="utf-8")
        assert f"{name}.command" in text or f"({name}," in text or f'"{section.document}"' in text, (test, name)
