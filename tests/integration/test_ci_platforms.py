"""The hook, the action and the GitLab template, run as their platforms run them, in a real git repository.

pre-commit is pre-commit. The action's steps and the template's scripts are run by a small interpreter: the same shell
with the same options, inputs and variables as environment, installation into an empty environment. Third parties are
lent by this environment and build tools too, so that nothing needs a network.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cli.github import TOKEN, serving

ROOT = Path(__file__).parents[2]
GOOD = "Name the city.\n"
CONFIG = '[prompts.city]\nfile = "city.txt"\ndataset = {train = "rows.jsonl"}\n'
# Where this process finds third parties.
LENT = [entry for entry in sys.path if entry.endswith("site-packages")]
# What pip is told by its environment: build with what is there, take nothing from an index, leave alone what is lent.
PIP = {
    "PIP_NO_INDEX": "1",
    "PIP_NO_DEPS": "1",
    "PIP_NO_BUILD_ISOLATION": "0",
    "PIP_IGNORE_INSTALLED": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"]
    ran = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return ran.stdout.strip()


def committed(folder: Path) -> Path:
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Start")
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as a git repository that others name: every file that git tracks or would track, committed."""
    folder = tmp_path_factory.mktemp("published") / "pmpo"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "benchmarks/", "docs/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return committed(folder)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds pip and third parties, lent by this one, and no pmpo."""
    home = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(home, with_pip=False)
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    found = subprocess.run([home / "bin" / "python", "-c", asked], check=True, capture_output=True, text=True)
    lent = Path(found.stdout.strip()) / "lent.pth"
    lent.write_text("\n".join(LENT) + "\n", encoding="utf-8")
    return home / "bin" / "python"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one prompt and a lock that fits it; the lock is made without a service."""
    from pmpo.ci.lock import Lock, LockedPrompt, lock_text
    from pmpo.cli.ci_project import open_project
    from pmpo.contracts.jobs import ModelView

    folder = tmp_path / "repository"
    folder.mkdir()
    rows = "".join(f'{{"input": "row {number}", "target": "x"}}\n' for number in range(20))
    (folder / "rows.jsonl").write_text(rows, encoding="utf-8")
    (folder / "city.txt").write_text(GOOD, encoding="utf-8")
    (folder / "pmpo.toml").write_text(CONFIG, encoding="utf-8")
    project = open_project(folder / "pmpo.toml", None)
    now = project.prompts[0].now
    digests = {name: getattr(now, name) for name in now.__slots__}
    models = {"default": ModelView(model="nano", revision="1", dtype="float32", engine="torch_tree")}
    entry = LockedPrompt(
        file="city.txt",
        verdict="kept",
        loss=0.5,
        unit="nats per token",
        models=models,
        text=GOOD[:-1],
        losses={},
        **digests,
    )
    (folder / "pmpo.lock").write_text(lock_text(Lock({"city": entry}, "0")), encoding="utf-8")
    return committed(folder)


def environment(**more: str) -> dict[str, str]:
    hidden = ("PMPO_", "PYTHON", "VIRTUAL_ENV", "GIT_", "GITHUB_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    return {**kept, **more}


def pre_commit(folder: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pre-commit with a cache of its own. The hook's environment finds third parties where this process does."""
    lent = {"PYTHONPATH": os.pathsep.join(LENT), "PRE_COMMIT_HOME": str(home)}
    command = [sys.executable, "-m", "pre_commit", *arguments]
    return subprocess.run(command, cwd=folder, env=environment(**PIP, **lent), capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_hook_passes_and_fails_a_commit(published: Path, repository: Path, tmp_path: Path) -> None:
    revision = git(published, "rev-parse", "HEAD")
    config = {"repos": [{"repo": str(published), "rev": revision, "hooks": [{"id": "pmpo-lock"}]}]}
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    git(repository, "add", ".")
    passed = pre_commit(repository, tmp_path / "home", "run", "--all-files", "--verbose")
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "prompts match pmpo.lock" in passed.stdout and "city   unchanged" in passed.stdout
    assert pre_commit(repository, tmp_path / "home", "install").returncode == 0
    (repository / "city.txt").write_text("Name it.\n", encoding="utf-8")
    lent = {"PYTHONPATH": os.pathsep.join(LENT), "PRE_COMMIT_HOME": str(tmp_path / "home")}
    command = ["git", "-c", "user.name=S", "-c", "user.email=s@example.org", "commit", "--all", "--message", "Edit"]
    refused = subprocess.run(command, cwd=repository, env=environment(**PIP, **lent), capture_output=True, text=True)
    assert refused.returncode == 1
    assert "the prompt was edited" in refused.stdout + refused.stderr
    assert git(repository, "log", "--format=%s") == "Start"


def test_every_hook_installs_the_root_together_with_shared() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [hook["id"] for hook in hooks] == ["pmpo-lock", "pmpo-check"]
    for hook in hooks:
        assert (hook["language"], hook["additional_dependencies"]) == ("python", ["./shared"])
        assert hook["entry"].startswith("pmpo ci check")
    assert [hook["stages"][0] for hook in hooks] == ["pre-commit", "pre-push"], "what docs/ci.md says when they run"


class Expressions:
    """What stands between ``${{`` and ``}}``, as far as the action goes."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values

    def filled(self, text: str) -> str:
        return re.sub(r"\$\{\{ (.+?) \}\}", lambda match: self.values[match.group(1)], text)

    def holds(self, condition: str | None, *, is_going_well: bool) -> bool:
        """A step without a condition runs as long as none failed."""
        if condition is None:
            return is_going_well
        words = condition.removeprefix("${{ ").removesuffix(" }}")
        words = re.sub(r"inputs\.[a-z-]+", lambda match: repr(self.values[match.group(0)]), words)
        words = words.replace("always()", "True").replace("&&", "and").replace("||", "or")
        assert re.fullmatch(r"[\w\s()'=.-]+", words), f"this interpreter does not know {condition}"
        return bool(eval(words))


class Action:
    """A composite action's steps, run in the workspace as a runner runs them."""

    def __init__(self, workspace: Path, home: Path, python: Path, action: Path) -> None:
        self.workspace = workspace
        self.home = home
        self.path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
        self.document: dict[str, Any] = yaml.safe_load((action / "action.yml").read_text(encoding="utf-8"))
        self.action = action
        self.github: dict[str, str] = {}  # what the runner says of the job
        self.summary = home / "summary.md"
        self.outputs = home / "outputs"
        for path in (self.summary, self.outputs):
            path.touch()

    def run(self, **inputs: str) -> tuple[bool, str]:
        """Whether every step succeeded, and all that was said."""
        declared = self.document["inputs"]
        assert set(inputs) <= {name.replace("-", "_") for name in declared}
        values = {f"inputs.{name}": inputs.get(name.replace("-", "_"), declared[name]["default"]) for name in declared}
        values |= {"github.action_path": str(self.action), "runner.temp": str(self.home)}
        expressions = Expressions(values)
        is_going_well, said = True, ""
        for number, step in enumerate(self.document["runs"]["steps"]):
            if expressions.holds(step.get("if"), is_going_well=is_going_well):
                ran = self._step(step, expressions, number)
                is_going_well = is_going_well and ran.returncode == 0
                said += ran.stdout + ran.stderr
        return is_going_well, said

    def _step(self, step: dict[str, Any], expressions: Expressions, number: int) -> subprocess.CompletedProcess[str]:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an input in a script is read as code; hand it over in env"
        script = self.home / f"step-{number}.sh"
        script.write_text(step["run"], encoding="utf-8")
        given = {name: expressions.filled(value) for name, value in step["env"].items()}
        files = {"GITHUB_STEP_SUMMARY": str(self.summary), "GITHUB_OUTPUT": str(self.outputs)}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
        variables = environment(**PIP, **files, **self.github, **given, PATH=self.path)
        return subprocess.run(command, cwd=self.workspace, env=variables, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_action_installs_itself_checks_and_writes_a_summary(
    published: Path, python: Path, repository: Path, tmp_path: Path
) -> None:
    action = Action(repository, tmp_path, python, published)
    is_good, said = action.run(arguments="--offline")
    assert is_good, said
    assert "city   unchanged" in said
    assert "| `city` | ✅ unchanged |" in action.summary.read_text(encoding="utf-8")
    assert (repository / "pmpo-junit.xml").is_file()
    path = Path(action.outputs.read_text(encoding="utf-8").strip().removeprefix("path="))
    assert path.read_text(encoding="utf-8") == action.summary.read_text(encoding="utf-8")
    (repository / "city.txt").write_text("Name it.\n", encoding="utf-8")
    is_good, said = action.run(arguments="--offline", base="main")
    assert not is_good
    assert "the prompt was edited" in said
    assert "Name [-the city-]{+it+}." in action.summary.read_text(encoding="utf-8"), "the summary comes also then"
    is_good, said = action.run(mode="cheque", arguments="$(touch hacked)", summary="false")
    assert (is_good, "mode is 'cheque'; give check, refresh or comment" in said) == (False, True)
    is_good, said = action.run(arguments="$(touch hacked);touch hacked", summary="false")
    assert (is_good, (repository / "hacked").exists()) == (False, False)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_action_keeps_one_comment_of_the_pull_request(
    published: Path, python: Path, repository: Path, tmp_path: Path
) -> None:
    action = Action(repository, tmp_path, python, published)
    assert action.document["inputs"]["comment"]["default"] == "false"
    with serving() as github:
        action.github = github.settings(tmp_path)
        is_good, said = action.run(arguments="--offline", token=TOKEN)
        assert (is_good, github.comments) == (True, []), "it is asked for"
        is_good, said = action.run(arguments="--offline", comment="true", token=TOKEN, summary="false")
        assert is_good, said
        assert "| `city` | ✅ unchanged |" in github.comments[0]["body"]
        written = action.summary.read_text(encoding="utf-8")
        assert written.count("### Prompts") == 1, "of the first run alone"
        (repository / "city.txt").write_text("Name it.\n", encoding="utf-8")
        is_good, said = action.run(arguments="--offline", comment="true", token=TOKEN)
        assert not is_good, "the check still decides"
        assert len(github.comments) == 1 and github.writes == ["POST", "PATCH"]
        assert "| `city` | ⚠️ stale |" in github.comments[0]["body"]

        (repository / "city.txt").write_text(GOOD, encoding="utf-8")
        github.status = 403
        is_good, said = action.run(arguments="--offline", comment="true", token=TOKEN)
        assert is_good, "a fork's token is no failure"
        assert "warning: no comment was posted: GitHub answered 403" in said and "pull-requests: write" in said
        assert TOKEN not in said


class GitLab:
    """Jobs of the template, with ``extends`` resolved, run as a runner runs them: before_script and script together."""

    def __init__(self, workspace: Path, python: Path) -> None:
        self.workspace = workspace
        self.path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
        text = (ROOT / "deploy" / "gitlab" / "pmpo-ci.yml").read_text(encoding="utf-8")
        self.jobs: dict[str, Any] = yaml.safe_load(text)

    def resolved(self, name: str) -> dict[str, Any]:
        job = dict(self.jobs[name])
        base = job.pop("extends", None)
        return job if base is None else {**self.resolved(base), **job}

    def run(self, name: str, **variables: str) -> tuple[int, str]:
        job = self.resolved(name)
        given = {**job["variables"], **variables}
        status, said = self._shell([*job["before_script"], *job["script"]], given)
        _, more = self._shell(job.get("after_script", []), given)
        return status, said + more

    def _shell(self, lines: list[str], variables: Mapping[str, str]) -> tuple[int, str]:
        command = ["bash", "--noprofile", "--norc", "-c", "\n".join(["set -eo pipefail", *lines])]
        made = environment(**PIP, **variables, PATH=self.path)
        ran = subprocess.run(command, cwd=self.workspace, env=made, capture_output=True, text=True)
        return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_gitlab_template_checks_and_keeps_what_it_promises(published: Path, python: Path, repository: Path) -> None:
    gitlab = GitLab(repository, python)
    status, said = gitlab.run(".pmpo-check")
    assert (status, "set the variable PROMPTS_INSTALL" in said) == (2, True)
    given = {"PROMPTS_INSTALL": str(published / "shared"), "PROMPTS_ARGUMENTS": "--offline"}
    status, said = gitlab.run(".pmpo-check", **given)
    assert (status, "city   unchanged" in said) == (0, True), said
    promised = gitlab.resolved(".pmpo-check")["artifacts"]
    for name in (*promised["paths"], promised["reports"]["junit"]):
        assert (repository / name).is_file()
    (repository / "city.txt").write_text("Name it.\n", encoding="utf-8")
    status, said = gitlab.run(".pmpo-check", **given)
    assert (status, "the prompt was edited" in said) == (1, True)
    assert "pmpo ci refresh" in gitlab.resolved(".pmpo-refresh")["script"][0]
