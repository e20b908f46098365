"""The commands that the documents show, and the test that runs each of them. They are read where they stand."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
MADE = re.compile(r"key (\w+) of project")  # what `keys create` says on stderr; others print the id alone


@dataclass(frozen=True)
class Section:
    """A document, or what stands in it below one heading, and the tests that run all its commands as they stand."""

    document: str
    run_by: tuple[str, ...]
    heading: str = ""

    def commands(self) -> list[list[str]]:
        """The words after ``pmpo`` of every command, in their order."""
        text = (ROOT / "docs" / self.document).read_text(encoding="utf-8")
        if self.heading:
            text = text.partition(f"\n## {self.heading}\n")[2].partition("\n## ")[0]
        blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
        assert lines, f"{self.document} shows no command under {self.heading!r}"
        assert {words[0] for words in lines if words} == {"pmpo"}, self
        return [words[1:] for words in lines if words]

    def command(self, name: str) -> list[str]:
        """The one command of that name."""
        [found] = [words for words in self.commands() if words[0] == name]
        return found


ON_AN_API = Section("cli.md", ("tests/integration/test_examples.py",), "Examples")
STARTS_ITS_OWN = Section("cli.md", ("tests/integration/test_cli.py", "tests/integration/test_wheels.py"), "Which API")
COMPLETION = Section("cli.md", ("tests/integration/test_completion.py",), "Completion")
DATASETS = Section("datasets.md", ("tests/unit/cli/test_examples.py",))
PROMPTS = Section("prompts.md", ("tests/unit/cli/test_examples.py",))
SCHEDULES = Section("schedules.md", ("tests/integration/test_schedules.py",))
CI = Section("ci.md", ("tests/integration/test_ci.py",))
EXECUTED = [ON_AN_API, STARTS_ITS_OWN, COMPLETION, DATASETS, PROMPTS, SCHEDULES, CI]


@dataclass
class Ids:
    """What the word ``ID`` of an example stands for: the last thing that a command of its kind has made."""

    _last: dict[str, str] = field(default_factory=dict)

    def fill(self, words: list[str]) -> list[str]:
        """The command with the id in it."""
        return [self._last[_kind(words)] if word == "ID" else word for word in words]

    def learn(self, words: list[str], stdout: str, stderr: str) -> None:
        """Keep the id that the command printed, if it made something."""
        if words[0] == "submit" or words[:2] == ["datasets", "push"]:
            self._last[_kind(words)] = stdout.strip()
        elif words[:2] == ["keys", "create"]:
            [self._last["keys"]] = MADE.findall(stderr)


def _kind(words: list[str]) -> str:
    return words[0] if words[0] in ("datasets", "keys") else "jobs"
