"""How the program starts and ends, whatever its streams are and whenever it is stopped."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence

import pytest

from pmpo.cli.main import main

PROGRAM = "from pmpo.cli.main import run; run()"
STOPPED_WHILE_LOADED = f"""
import os, signal, sys

class Person:
    def find_spec(self, name, path=None, target=None):
        if name == "pmpo.cli.estimate":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Person())
{PROGRAM}
"""


def in_shell(words: Sequence[str], redirections: str) -> subprocess.CompletedProcess[str]:
    line = shlex.join([sys.executable, "-c", PROGRAM, *words])
    return subprocess.run(["/bin/sh", "-c", f"{line} {redirections}"], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("words", [["--version"], ["env", "--json"], ["estimate", "no"]])
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_a_closed_stream_is_one_that_leads_nowhere(words: list[str], closed: str) -> None:
    whole, ended = in_shell(words, ""), in_shell(words, closed)
    assert ended.returncode == whole.returncode
    assert ended.stdout == ("" if closed.startswith(">&-") else whole.stdout)
    assert ended.stderr == ("" if "2>&-" in closed else whole.stderr)


def test_a_closed_stdin_has_no_rows() -> None:
    ended = in_shell(["datasets", "check", "-"], "<&-")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "Train has 0 rows" in ended.stdout


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_ctrl_c_while_the_program_is_loaded(options: list[str]) -> None:
    command = [sys.executable, "-c", STOPPED_WHILE_LOADED, "env", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (130, "pmpo: stopped\n")
    assert bool(ended.stdout) == bool(options)
    if options:
        assert json.loads(ended.stdout)["error"] == {"code": "interrupted", "message": "stopped"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["staus", "x"], "no such command 'staus'; did you mean 'status', 'pause'?"),
        (["datasets", "nope"], "no such command 'nope'; see `pmpo datasets --help`"),
        (["status"], "missing argument 'ID'; see `pmpo status --help`"),
        (["list", "--nme", "x"], "no such option: --nme; did you mean --name, --since?"),
        (["list", "--limit"], "option '--limit' requires an argument"),
        (["list", "--limit", "0"], "invalid value for '--limit': "),
        (["list", "--limit", "1" + "0" * 20], "invalid value for '--limit': "),
        (["env", "more"], "got unexpected extra argument(s) (more); see `pmpo env --help`"),
    ],
)
def test_wrong_usage_is_one_sentence(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"pmpo: {sentence}") and err.count("\n") == 1


def test_wrong_usage_is_one_object_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json", "--limit", "x"]) == 2
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["error"]["code"], told["job_id"]) == ("invalid_input", None)
    assert err == f"pmpo: {told['error']['message']}\n"


@pytest.mark.parametrize("words", [[], ["datasets"]])
def test_a_group_alone_shows_its_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert "Usage: pmpo" in out and err == ""
