"""What the documents tell people to type exists."""

import re
import shlex

import pytest

from tests.architecture.repository import ROOT, code_blocks, code_spans, documents, make_targets

COMMANDS = {"cd", "curl", "docker", "export", "git", "make", "pip", "pmpo", "python", "python3", "source", "uv"}


def commands(block: str) -> list[list[str]]:
    """The words of each command of a shell block: prompts and comments taken off, continued lines and quotes joined."""
    found = []
    waiting = ""
    for line in block.replace("\\\n", " ").splitlines():
        waiting = f"{waiting}\n{line}" if waiting else line.strip().removeprefix("$ ")
        try:
            words = shlex.split(waiting, comments=True)
        except ValueError:  # a quotation goes on in the next line
            continue
        waiting = ""
        if words:
            found.append(words)
    assert not waiting, f"a quotation is never closed: {waiting}"
    return found


def program(words: list[str]) -> str:
    """The program that a command starts, without variables before it and without the environment's path."""
    rest = [word for word in words if not re.match(r"^[A-Z_]+=", word)]
    return rest[0].removeprefix(".venv/bin/") if rest else "export"


def test_there_is_a_readme() -> None:
    assert "README.md" in documents()


def test_every_make_target_that_a_document_names_exists() -> None:
    named = {
        (name, target)
        for name, text in documents().items()
        for span in code_spans(text)
        for target in re.findall(r"(?:^\s*(?:\$ )?|&& |; )make ([a-z][a-z-]*)", span, re.MULTILINE)
    }
    assert {(name, target) for name, target in named if target not in make_targets()} == set()


def test_ci_calls_only_make_targets_that_the_readme_names() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    called = [line.removeprefix("make ") for line in lines if line.startswith("make ")]
    assert called[:4] == ["check", "test", "test-vllm", "demo"]
    assert set(called) <= make_targets()
    readme = documents()["README.md"]
    assert [target for target in called if f"make {target}" not in readme] == []


@pytest.mark.parametrize("name", sorted(documents()))
def test_commands_in_a_document_start_with_a_known_program(name: str) -> None:
    blocks = code_blocks(documents()[name], "bash", "sh", "shell", "console")
    used = {program(words) for block in blocks for words in commands(block)}
    assert used - COMMANDS == set()


def test_commands_are_read_from_a_shell_block() -> None:
    block = "# it's first\n$ PMPO_URL=http://x pmpo submit job.yaml \\\n  --json\n.venv/bin/pmpo up  # don't\n"
    block += "curl -d '{\n}'\n"
    assert commands(block) == [
        ["PMPO_URL=http://x", "pmpo", "submit", "job.yaml", "--json"],
        [".venv/bin/pmpo", "up"],
        ["curl", "-d", "{\n}"],
    ]
    assert [program(words) for words in commands(block)] == ["pmpo", "pmpo", "curl"]
