"""Options over settings: what the stack was asked for, as the environment of its children."""

from __future__ import annotations

import argparse
import errno
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pmpo.errors import ConfigurationError
from pmpo.runtime.settings import Settings, load_settings

_LOOPBACK = "127.0.0.1"
STOPPING_S = 4.0
_ANY = {"": _LOOPBACK, "0.0.0.0": _LOOPBACK, "::": "::1"}  # noqa: S104 (none is bound: what to call instead)
_HOST_ERRORS = {errno.EADDRNOTAVAIL, socket.EAI_AGAIN, socket.EAI_NONAME}
_OPTIONS = {
    "api_port": ("--api-port", "PMPO_API_PORT"),
    "scorer_port": ("--scorer-port", "PMPO_SCORER_PORT"),
    "model": ("--model", "PMPO_SCORER_MODEL"),
    "state_dir": ("--state-dir", "PMPO_STATE_DIR"),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start. Every port is a number that was free a moment ago.

    Attributes:
        redis_url: a Redis that somebody else runs; None: start one.
        redis_fsync: when the file of the one that is started reaches the disk.
        kill_after_s: how long a child may take to stop: more than a worker takes for the call at hand.
        state_dir: None: a folder that goes when the stack does.
        environment: of the children, without Redis' address.
    """

    api_url: str
    scorer_url: str
    redis_url: str | None
    redis_fsync: str
    kill_after_s: float
    state_dir: Path | None
    num_workers: int
    outlives_parent: bool
    environment: Mapping[str, str]


def read_plan(arguments: Sequence[str]) -> Plan:
    """Options first, then the environment, then defaults.

    Raises:
        ConfigurationError: a bad value, a port that is in use or asked for twice, a host that cannot be bound.
    """
    given = _parser().parse_args(arguments)
    environment = dict(os.environ)
    for name, (_, variable) in _OPTIONS.items():
        if getattr(given, name) is not None:
            environment[variable] = str(getattr(given, name))
    settings = load_settings(environment)
    _refuse_equal_ports(settings)
    api_port = _usable_port(settings.api_host, settings.api_port, "api_port")
    scorer_port = _usable_port(settings.scorer_host, settings.scorer_port, "scorer_port")
    ports = {"PMPO_API_PORT": str(api_port), "PMPO_SCORER_PORT": str(scorer_port), "PYTHONSAFEPATH": "1"}
    return Plan(
        api_url=_url(settings.api_host, api_port),
        scorer_url=_url(settings.scorer_host, scorer_port),
        redis_url=settings.redis_url,
        redis_fsync=settings.redis_fsync,
        kill_after_s=settings.drain_s + STOPPING_S,
        state_dir=_state_dir(settings),
        num_workers=given.workers,
        outlives_parent=given.detached,
        environment={**environment, **ports},
    )


def free_port(host: str = _LOOPBACK) -> int:
    """A port that nobody uses now."""
    with socket.create_server((host, 0)) as probe:
        return int(probe.getsockname()[1])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.stack", description="Redis, scorer, API and workers.")
    parser.add_argument("--api-port", type=int, help="port of the API; 0 takes a free one (PMPO_API_PORT)")
    parser.add_argument("--scorer-port", type=int, help="port of the scorer; 0 takes a free one (PMPO_SCORER_PORT)")
    parser.add_argument("--model", help="model folder, hub name, or nano (PMPO_SCORER_MODEL)")
    parser.add_argument("--state-dir", help="where Redis' files and the logs are kept (PMPO_STATE_DIR)")
    parser.add_argument("--workers", type=_positive, default=1, help="worker processes")
    parser.add_argument("--detached", action="store_true", help="go on when the process that started this one ends")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _refuse_equal_ports(settings: Settings) -> None:
    if settings.api_port == settings.scorer_port != 0:
        raise ConfigurationError(
            f"the API and the scorer cannot both listen on port {settings.api_port}; "
            "choose another for one of them with --api-port or --scorer-port (0 takes a free one)"
        )


def _usable_port(host: str, port: int, name: str) -> int:
    option, variable = _OPTIONS[name]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as probe:
            return int(probe.getsockname()[1])
    except OSError as error:
        if error.errno in _HOST_ERRORS:
            raise ConfigurationError(
                f"the host '{host}' cannot be bound; "
                f"set {variable.replace('PORT', 'HOST')} to an address of this machine, for example {_LOOPBACK}"
            ) from None
        raise ConfigurationError(
            f"port {port} on {host} cannot be used ({error.strerror or error}); stop what holds it, "
            f"or choose another with {option} or {variable} (0 takes a free one)"
        ) from None


def _url(host: str, port: int) -> str:
    reachable = _ANY.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _state_dir(settings: Settings) -> Path | None:
    if settings.state_dir is None:
        return None
    path = Path(settings.state_dir).expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the folder {path} cannot be made ({error.strerror}); choose another with --state-dir or PMPO_STATE_DIR"
        ) from None
    return path
