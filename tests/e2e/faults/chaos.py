"""Seeded disturbances of a running stack: what happens to whom, one after the other."""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable

from tests.integration.conftest import Stack, children_of, command_of

from .proxy import Proxy

PAUSES_S = (1.5, 4.0)
MAX_KILLS_A_MINUTE = 3  # the stack gives up on a child that dies six times within one
NAMES = {"redis": "redis-server", "scorer": "services.scorer", "api": "services.api", "worker": "services.worker"}


class Chaos:
    """Disturbs until it is told to stop, or until ``num_disturbances`` are done. The seed decides what and when."""

    def __init__(self, stack: Stack, proxy: Proxy, *, seed: int, num_disturbances: int, lease_s: float) -> None:
        self.done: Counter[str] = Counter()
        self.num_tried = 0
        self._stack = stack
        self._proxy = proxy
        self._random = random.Random(seed)
        self._lease_s = lease_s
        self._kills: dict[int | str, list[float]] = {}
        self._stopped = threading.Event()
        kinds: dict[str, Callable[[], bool]] = {
            "kill worker": lambda: self._kill("worker"),
            "kill work horse": self._kill_horse,
            "freeze work horse": self._freeze_horse,
            "freeze worker": lambda: self._freeze("worker", 2.0),
            "kill scorer": lambda: self._kill("scorer"),
            "freeze scorer": lambda: self._freeze("scorer", 2.0),
            "kill api": lambda: self._kill("api"),
            "freeze api": lambda: self._freeze("api", 2.0),
            "kill redis": lambda: self._kill("redis"),
            "freeze redis": lambda: self._freeze("redis", 2.0),
            "cut network": self._cut,
        }
        rounds = -(-num_disturbances // len(kinds))
        names = [name for _ in range(rounds) for name in self._random.sample(sorted(kinds), len(kinds))]
        self._plan = [(name, kinds[name]) for name in names[:num_disturbances]]
        self._thread = threading.Thread(target=self._run, name="chaos", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def has_tried(self, share: float) -> bool:
        """Whether it is this far with its plan: 1.0 is the end."""
        return self.num_tried >= share * len(self._plan) or not self._thread.is_alive()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        for name, disturb in self._plan:
            if self._stopped.wait(self._random.uniform(*PAUSES_S)):
                return
            if disturb():
                self.done[name] += 1
            self.num_tried += 1

    def _pids(self, name: str) -> list[int]:
        return [pid for pid in children_of(self._stack.process.pid) if NAMES[name] in command_of(pid)]

    def _victim(self, name: str) -> int | None:
        pids = sorted(self._pids(name))
        return self._random.choice(pids) if pids else None

    def _kill(self, name: str) -> bool:
        recent = [moment for moment in self._kills.get(name, []) if time.monotonic() - moment < 60]
        victim = self._victim(name)
        if victim is None or len(recent) >= MAX_KILLS_A_MINUTE:
            return False
        self._kills[name] = [*recent, time.monotonic()]
        return _send(victim, signal.SIGKILL)

    def _kill_horse(self) -> bool:
        horses = sorted(self._stack.horses().values())
        return bool(horses) and _send(self._random.choice(horses), signal.SIGKILL)

    def _freeze_horse(self) -> bool:
        """Past its lease, so that another worker takes over before it comes back."""
        horses = sorted(self._stack.horses().values())
        return bool(horses) and self._freeze_process(self._random.choice(horses), 2 * self._lease_s)

    def _freeze(self, name: str, seconds: float) -> bool:
        victim = self._victim(name)
        return victim is not None and self._freeze_process(victim, seconds)

    def _freeze_process(self, pid: int, seconds: float) -> bool:
        if not _send(pid, signal.SIGSTOP):
            return False
        self._stopped.wait(seconds)
        _send(pid, signal.SIGCONT)
        return True

    def _cut(self) -> bool:
        self._proxy.cut()
        return True


def _send(pid: int, number: signal.Signals) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False
