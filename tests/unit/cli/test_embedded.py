"""The embedded stack as a child, with a stand-in for ``services.stack``."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from pmpo.cli import embedded
from pmpo.cli.demo import bundled_job
from pmpo.cli.embedded import StackOptions, running_stack
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
    with pytest.raises(UnavailableError) as raised, running_stack(StackOptions()):
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
    monkeypatch.setattr(embedded, "find_spec", lambda module: None if module == missing else object())
    with pytest.raises(ConfigurationError, match=named) as raised:
        embedded.require_server()
    assert "pip install ./shared" in str(raised.value)


def test_bundled_jobs(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").touch()
    (tmp_path / "two.yaml").touch()
    assert bundled_job(tmp_path, "two") == tmp_path / "two.yaml"
    for name in ("three", "../one", ""):
        with pytest.raises(NotFoundError, match="there are: one, two"):
            bundled_job(tmp_path, name)
