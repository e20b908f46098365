"""The API process: settings, a socket, uvicorn."""

from __future__ import annotations

import asyncio
import socket
import sys
from types import FrameType
from typing import cast

import uvicorn

from pmpo.errors import ConfigurationError, PmpoError
from pmpo.runtime.endpoints import load_endpoints
from pmpo.runtime.logs import configure_logs, get_logger
from pmpo.runtime.secrets import known_secrets
from pmpo.runtime.settings import Settings, load_settings
from services.api.app import create_app
from services.api.deps import Collaborators
from services.api.gate import refuse_without_keys
from services.api.jobs.waiting import Waiting
from services.listening import HTTP, LOOP, without_delay
from services.store.store import Store

GRACE_S = 5
BACKLOG = 512


def main() -> int:
    """Serve until told to stop. 0 after a stop, 1 when the start fails: one sentence on standard error."""
    try:
        settings = load_settings()
        configure_logs("api", settings.log_level, known_secrets(settings))
        table = load_endpoints(settings)
        app = create_app(settings, table)
        asyncio.run(_refuse_without_keys(settings))
        collaborators = cast(Collaborators, app.state.collaborators)
        listener = _listen(settings.api_host, settings.api_port)
    except PmpoError as error:
        print(error.message, file=sys.stderr)
        return 1
    host, port = listener.getsockname()[:2]
    get_logger().info("listening", url=f"http://{host}:{port}")
    config = uvicorn.Config(
        app, loop=LOOP, http=HTTP, log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_S
    )
    server = _DrainingServer(config, collaborators.jobs.waiting)
    server.run(sockets=[listener])
    return 0 if server.started else 1


class _DrainingServer(uvicorn.Server):
    """When it is asked to stop, it takes no more connections and answers those who wait for a change at once."""

    def __init__(self, config: uvicorn.Config, waiting: Waiting) -> None:
        super().__init__(config)
        self._waiting = waiting

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See ``uvicorn.Server``."""
        self._waiting.end()
        super().handle_exit(sig, frame)


async def _refuse_without_keys(settings: Settings) -> None:
    """Over a connection of its own: the application's belong to the loop that serves."""
    store = Store.open(settings.redis_url, settings.lease_s)
    try:
        await refuse_without_keys(settings, store.api_keys)
    finally:
        await store.close()


def _listen(host: str, port: int) -> socket.socket:
    """A socket that is bound before anything else starts, so that a port in use is told of in one sentence."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        without_delay(listener)
    except OSError as error:
        raise ConfigurationError(
            f"the API cannot listen on {host}:{port} ({error.strerror or error}); "
            "stop what holds the port, or set PMPO_API_HOST and PMPO_API_PORT to another"
        ) from None
    return listener
