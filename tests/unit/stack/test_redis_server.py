import signal
import subprocess
import time
from pathlib import Path

import pytest
import redis

from services.stack import redis_server
from services.stack.options import free_port, read_plan


def _start(folder: Path, fsync: str) -> tuple["subprocess.Popen[bytes]", redis.Redis]:
    port = free_port()
    command = redis_server.command(redis_server.find_server(), port, folder, fsync)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not redis_server.answers(port):
        assert time.monotonic() < deadline, "Redis did not start"
        time.sleep(0.02)
    return process, redis.Redis(port=port)


@pytest.mark.parametrize("fsync", ["everysec", "always"])
def test_what_was_answered_outlives_a_kill(tmp_path: Path, fsync: str) -> None:
    for count in (1, 2, 3):
        process, client = _start(tmp_path, fsync)
        assert client.config_get("appendfsync") == {"appendfsync": fsync}
        assert client.incr("count") == count
        client.close()
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_the_setting_reaches_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--api-port", "0", "--scorer-port", "0"]
    assert read_plan(options).redis_fsync == "everysec"
    monkeypatch.setenv("PMPO_REDIS_FSYNC", "always")
    assert read_plan(options).redis_fsync == "always"


def test_children_have_more_time_to_stop_than_a_worker_takes_for_the_call_at_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PMPO_DRAIN_S", "60")
    assert read_plan(["--api-port", "0", "--scorer-port", "0"]).kill_after_s > 62
