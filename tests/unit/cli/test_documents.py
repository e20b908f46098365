"""What README and docs say of commands, settings and exit codes is what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from pmpo.cli import exits
from pmpo.cli.commands import EXAMPLES, app, command_name
from pmpo.runtime.settings import Settings

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
COMMON = {"--json", "--help"}
COMMANDS = {command_name(command) for command in EXAMPLES} | {str(group.name) for group in app.registered_groups}


def rows(text: str, start: str) -> list[list[str]]:
    """The cells of every table row that starts with ``start``."""
    found = re.findall(rf"^\| ({re.escape(start)}.*) \|$", text, re.MULTILINE)
    return [[cell.strip() for cell in row.split(" | ")] for row in found]


def options() -> dict[str, set[str]]:
    """The options of every command; a group has those of the commands in it."""
    group = typer.main.get_command(app)
    return {name: options_of(command) - COMMON for name, command in group.commands.items()}  # type: ignore[attr-defined]


def options_of(command: Any) -> set[str]:
    own = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
    return own.union(*(options_of(inner) for inner in getattr(command, "commands", {}).values()))


def test_the_readme_lists_every_setting_with_its_default_and_meaning() -> None:
    expected = []
    for name, field in Settings.model_fields.items():
        value = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        default = "-" if field.default is None else f"`{value}`"
        expected.append([f"`PMPO_{name.upper()}`", default, field.description])
    assert rows(README, "`PMPO_") == expected


@pytest.mark.parametrize("text", [README, CLI], ids=["README.md", "docs/cli.md"])
def test_every_command_is_listed(text: str) -> None:
    listed = [re.findall(r"[a-z]+", row[0])[1] for row in rows(text, "`pmpo ")]
    assert sorted(listed) == sorted(COMMANDS)


def test_every_option_is_listed() -> None:
    listed = {row[0].strip("`").split()[1]: set(re.findall(r"--[a-z-]+", row[1])) for row in rows(CLI, "`pmpo ")}
    assert listed == options()


def test_options_in_the_readme_exist() -> None:
    for row in rows(README, "`pmpo "):
        command = re.findall(r"[a-z]+", row[0])[1]
        assert set(re.findall(r"--[a-z-]+", " ".join(row))) <= options()[command]


def test_exit_codes_are_listed() -> None:
    assert dict(rows(CLI, str(code))[0] for code in exits.MEANINGS) == {
        str(code): meaning for code, meaning in exits.MEANINGS.items()
    }
    for code, meaning in exits.MEANINGS.items():
        assert f"`{code}` {meaning}" in " ".join(README.split())


def test_every_command_of_the_documents_exists() -> None:
    for path in [ROOT / "README.md", ROOT / "examples" / "README.md", *(ROOT / "docs").glob("*.md")]:
        named = re.findall(r"(?:^|`)pmpo ([a-z]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(named) <= COMMANDS, path


def test_links_lead_somewhere() -> None:
    for path in [ROOT / "README.md", ROOT / "examples" / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (path.parent / target).exists(), (path, target)


def test_the_demo_in_the_readme_tells_each_use_beside_its_cap() -> None:
    from pmpo.cli.embedded import find_examples
    from pmpo.runs.jobfile import load_job

    budget = load_job(find_examples() / "review-city.yaml").budget
    assert budget.scored_tokens and budget.generated_tokens
    caps = rf"[\d,]+ of {budget.scored_tokens:,} tokens scored, [\d,]+ of {budget.generated_tokens:,} generated, "
    told = [line for line in README.splitlines() if line.startswith("iteration ")]
    assert told and all(re.search(caps, line) for line in told)


def test_the_job_in_the_readme_is_one(tmp_path: Path) -> None:
    from pmpo.runs.jobfile import load_job
    from pmpo.runs.jobspec import search_spec, split_job

    [body] = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    rows = "".join(f'{{"input": "in {number}", "target": "out {number}"}}\n' for number in range(20))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text(rows, encoding="utf-8")
    (tmp_path / "job.yaml").write_text(body, encoding="utf-8")
    spec = load_job(tmp_path / "job.yaml")
    assert spec.name == "review-city"
    assert search_spec(spec).max_prompt_tokens == 600
    assert split_job(spec)[2] == []
