"""What docs/ci.md shows is what the code takes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from pmpo.ci.config import read_config
from pmpo.cli.ci_project import open_project

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return list(re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))


def test_the_configuration_is_one(tmp_path: Path) -> None:
    [body] = blocks("toml")
    [entry] = read_config(body, "docs/ci.md")
    assert entry.job["optimizer"] == {"iterations": 20}
    assert (entry.thresholds.tolerance, entry.thresholds.max_loss) == (0.02, 0.5)
    for name in ("data", "prompts"):
        (tmp_path / name).mkdir()
    rows = "".join(json.dumps({"input": f"row {number}", "target": "x"}) + "\n" for number in range(20))
    (tmp_path / "data" / "cities.jsonl").write_text(rows, encoding="utf-8")
    (tmp_path / "prompts" / "city.txt").write_text("Name the city.\n", encoding="utf-8")
    (tmp_path / "pmpo.toml").write_text(body, encoding="utf-8")
    [prompt] = open_project(tmp_path / "pmpo.toml", None).prompts
    assert (prompt.spec.max_answer_tokens, prompt.spec.optimizer.iterations) == (16, 20)


def test_the_workflow_uses_inputs_that_the_action_has() -> None:
    workflow, hooks = (yaml.load(body, yaml.BaseLoader) for body in blocks("yaml"))  # noqa: S506 - plain strings; "on" stays a word
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    given = workflow["jobs"]["prompts"]["steps"][-1]["with"]
    assert set(given) <= set(action["inputs"])
    known = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert hooks["repos"][0]["hooks"][0]["id"] in {hook["id"] for hook in known}
