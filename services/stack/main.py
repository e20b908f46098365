"""The stack's composition root: plan, start, say where everything is, watch, stop."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from pmpo.errors import PmpoError
from pmpo.runtime.secrets import without_password
from services.bundled import examples_dir
from services.stack import redis_server
from services.stack.children import Child, python_child
from services.stack.options import Plan, free_port, read_plan
from services.stack.state_lock import locked
from services.stack.stopping import StopRequest
from services.stack.supervision import StoppedWhileStartingError, Supervisor, answers_ready


def main(arguments: Sequence[str]) -> int:
    """Run until told to stop. 0 after a stop that was asked for, 1 otherwise, with one sentence on standard error."""
    try:
        plan = read_plan(arguments)
        stop = StopRequest(outlives_parent=plan.outlives_parent)
        stop.install()
        with ExitStack() as closing:
            folder = plan.state_dir or _passing_folder(closing)
            closing.enter_context(locked(folder))
            supervisor = Supervisor(stop)
            closing.callback(supervisor.stop)
            print(json.dumps(_start(plan, folder, supervisor)), flush=True)
            supervisor.watch()
    except StoppedWhileStartingError:
        return 0
    except PmpoError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


def _start(plan: Plan, folder: Path, supervisor: Supervisor) -> dict[str, object]:
    """Start everything and wait until it is ready; what a caller needs to know of it."""
    pids: dict[str, Child] = {}
    redis_url = plan.redis_url or _start_redis(plan, folder, supervisor, pids)
    environment = {**plan.environment, "PMPO_REDIS_URL": redis_url}
    processes = ["scorer", "api", *(f"worker-{number}" for number in range(1, plan.num_workers + 1))]
    for name in processes:
        child = python_child(f"services.{name.partition('-')[0]}", name, environment, folder, plan.kill_after_s)
        supervisor.start(child)
        pids[name] = child
    supervisor.wait_until(lambda: answers_ready(plan.scorer_url), "the scorer")
    supervisor.wait_until(lambda: answers_ready(plan.api_url), "the API")
    return {
        "api": plan.api_url,
        "scorer": plan.scorer_url,
        "dashboard": f"{plan.api_url}/",
        "examples": str(examples_dir()),
        "redis": without_password(redis_url),
        "logs": str(folder),
        "pids": {name: child.pid for name, child in pids.items()},
    }


def _start_redis(plan: Plan, folder: Path, supervisor: Supervisor, started: dict[str, Child]) -> str:
    port = free_port()
    files = folder / "redis"
    files.mkdir(exist_ok=True)
    command = redis_server.command(redis_server.find_server(), port, files, plan.redis_fsync)
    child = Child("redis", command, {}, folder / "redis.log", plan.kill_after_s)
    supervisor.start(child)
    started["redis"] = child
    supervisor.wait_until(lambda: redis_server.answers(port), "Redis")
    return f"redis://127.0.0.1:{port}/0"


def _passing_folder(closing: ExitStack) -> Path:
    """A folder that goes when the stack does: registered before the children, so it goes after them."""
    folder = Path(tempfile.mkdtemp(prefix="pmpo-"))
    closing.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder
