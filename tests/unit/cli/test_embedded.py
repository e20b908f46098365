"""The embedded stack as a child, with a stand-in for ``services.stack``."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pmpo.cli import embedded
from pmpo.cli.demo import bundled_job
from pmpo.cli.embedded import StackOptions, running_stack
from pmpo.cli.main import main
from pmpo.client.local import installed
from pmpo.errors import ConfigurationError, NotFoundError, UnavailableError

READY = {"api": "http://a", "scorer": "http://s", "dashboard": "http://a/", "examples": "/e", "redis": "r", "pids": {}}
Install = Callable[[str], Path]


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a program in the place of ``services.stack``; it runs in a folder of its own."""
    monkeypatch.setattr(embedded, "require_server", lambda: None)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def install(program: str) -> Path:
        (tmp_path / "services").mkdir()
        (tmp_path / "services" / "__init__.py").touch()
        (tmp_path / "services" / "stack.py").write_text(
            "import json, os, pathlib, signal, sys, time\n"
            "pathlib.Path('pid').write_text(str(os.getpid()))\n"
            f"READY = {json.dumps(json.dumps(READY))}\n" + textwrap.dedent(program)
        )
        return tmp_path

    return install


def is_running(folder: Path) -> bool:
    try:
        os.kill(int((folder / "pid").read_text()), 0)
    except ProcessLookupError:
        return False
    return True


def test_a_stack_lives_as_long_as_its_block(stack: Install) -> None:
    folder = stack("print('a line before', flush=True); print(READY, flush=True); time.sleep(60)")
    with running_stack(StackOptions()) as running:
        assert running.addresses.api == "http://a"
        assert running.addresses.examples == Path("/e")
        assert is_running(folder)
    assert not is_running(folder)


def test_a_stack_is_asked_to_stop_before_it_is_made_to(stack: Install) -> None:
    folder = stack(
        """
        def stop(*_):
            pathlib.Path("stopped").touch()
            sys.exit(0)
        signal.signal(signal.SIGTERM, stop)
        print(READY, flush=True)
        time.sleep(60)
        """
    )
    with pytest.raises(ValueError, match="mine"), running_stack(StackOptions()):
        raise ValueError("mine")
    assert (folder / "stopped").exists()
    assert not is_running(folder)


def test_a_deaf_stack_is_killed(stack: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "STOP_TIMEOUT_S", 0.1)
    folder = stack("signal.signal(signal.SIGTERM, signal.SIG_IGN); print(READY, flush=True); time.sleep(60)")
    with running_stack(StackOptions()):
        pass
    assert not is_running(folder)


def test_a_talkative_stack_is_not_blocked(stack: Install) -> None:
    folder = stack("print(READY, flush=True); print('x' * 10**6, flush=True); pathlib.Path('done').touch()")
    with running_stack(StackOptions()) as running:
        assert running.wait() == 0
    assert (folder / "done").exists()


def test_a_stack_that_does_not_come_up_says_why(stack: Install) -> None:
    stack("sys.exit('starting\\nport 8000 is taken; choose another with --api-port')")
    with pytest.raises(ConfigurationError) as raised, running_stack(StackOptions()):
        pass
    assert str(raised.value) == "port 8000 is taken; choose another with --api-port"


def test_a_stack_that_ends_without_a_word(stack: Install) -> None:
    stack("sys.exit(7)")
    with pytest.raises(UnavailableError, match="status 7 before it was ready"), running_stack(StackOptions()):
        pass


def test_options_become_arguments() -> None:
    assert StackOptions().arguments() == ["--api-port", "0", "--scorer-port", "0"]
    options = StackOptions(None, None, "m", Path("d"), 2)
    assert options.arguments() == ["--model", "m", "--state-dir", "d", "--workers", "2"]


@pytest.mark.parametrize(("missing", "named"), [("services.stack", "pmpo-server"), ("torch", "extra `scorer`")])
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, missing: str, named: str) -> None:
    monkeypatch.setattr(installed, "find_spec", lambda module: None if module == missing else object())
    with pytest.raises(ConfigurationError, match=named) as raised:
        installed.require_server()
    assert "pip install ./shared" in str(raised.value)


@pytest.mark.parametrize("words", [["optimize"], ["optimize", "--local"], ["estimate"], ["compress"]])
def test_what_is_missing_is_told_before_anything_is_said_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.setattr(installed, "find_spec", lambda _: None)
    monkeypatch.setattr("pmpo.cli.optimize._answers", lambda _: False)
    write_job(tmp_path, "one")
    assert main([*words, str(tmp_path / "one.yaml")]) == 2
    out, err = capsys.readouterr()
    assert (out, err[:40]) == ("", "pmpo: the services need pmpo-server, whi")


@pytest.mark.parametrize(
    ("sentence", "status"),
    [
        ("PMPO_FOO is no setting of this program; did you mean PMPO_URL?", 2),
        ("scorer ended while it started: PMPO_SCORER_MODEL='/x' is no folder", 2),
        ("the folder /x cannot be made; choose another with --state-dir", 2),
        ("scorer ended while it started: scorer: the tokenizer of nano cannot be loaded: no file", 2),
        ("redis ended while it started: out of memory", 3),
    ],
)
def test_up_that_does_not_start_says_one_sentence(
    stack: Install, capsys: pytest.CaptureFixture[str], sentence: str, status: int
) -> None:
    stack(f"sys.exit({sentence!r})")
    assert main(["up", "--json"]) == status
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["message"] == sentence
    assert err == f"pmpo: {sentence}\n"


def test_the_stacks_lines_are_shown_once_it_is_ready(stack: Install, capsys: pytest.CaptureFixture[str]) -> None:
    stack("print(READY, flush=True); time.sleep(0.3); sys.exit('worker-1 dies again and again')")
    assert main(["up", "--json"]) == 3
    out, err = capsys.readouterr()
    assert '"api": "http://a"' in out and "dashboard" not in out
    assert err.startswith("worker-1 dies again and again\npmpo: the services ended by themselves")


def test_a_wrong_bundled_job_starts_nothing(stack: Install, capsys: pytest.CaptureFixture[str]) -> None:
    folder = stack("sys.exit('started')")
    (folder / "services" / "bundled.py").write_text(f"def examples_dir(): return {str(folder)!r}")
    write_job(folder, "one")
    assert main(["demo", "--job", "nothing"]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "pmpo: there is no bundled job called 'nothing'; there are: one\n")
    assert not (folder / "pid").exists()


def test_interrupted_while_it_starts(
    stack: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack("time.sleep(60)")

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(embedded, "_ready", interrupted)
    assert main(["up", "--json"]) == 130
    out, err = capsys.readouterr()
    assert json.loads(out) == {"error": {"code": "interrupted", "message": "stopped"}, "job_id": None}
    assert err == "pmpo: stopped\n"


@pytest.mark.parametrize("moment", ["pmpo.cli.up.print_json", "pmpo.cli.embedded.Stack.wait"])
def test_interrupted_once_it_is_ready(
    stack: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    folder = stack("print(READY, flush=True); time.sleep(60)")

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(moment, interrupted)
    assert main(["up", "--json"]) == 0
    assert capsys.readouterr().err == "Stopping\n"
    assert not is_running(folder)


def write_job(folder: Path, name: str, data: str = "rows.jsonl") -> None:
    rows = "".join(json.dumps({"input": f"in {number}", "target": "out"}) + "\n" for number in range(6))
    (folder / "rows.jsonl").write_text(rows, encoding="utf-8")
    (folder / f"{name}.yaml").write_text(f"prompt: P\ndataset: {{train: {data}}}\n", encoding="utf-8")


def test_bundled_jobs(tmp_path: Path) -> None:
    write_job(tmp_path, "one")
    write_job(tmp_path, "two")
    write_job(tmp_path, "without-data", "elsewhere.jsonl")
    assert bundled_job(tmp_path, "two") == tmp_path / "two.yaml"
    for name in ("three", "../one", ""):
        with pytest.raises(NotFoundError, match=r"there are: one, two$"):
            bundled_job(tmp_path, name)
