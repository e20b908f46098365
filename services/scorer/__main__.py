"""``python -m services.scorer``: serve the model that the settings name."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys

import uvicorn

from pmpo.errors import ConfigurationError, PmpoError
from pmpo.runtime.logs import configure_logs
from pmpo.runtime.secrets import known_secrets
from pmpo.runtime.settings import Settings, load_settings
from services.listening import HTTP, without_delay
from services.scorer.app import create_app
from services.scorer.door import Check, check_of
from services.scorer.model_source import ModelSource, find_model
from services.scorer.startup import ServiceSlot, build_service

logger = logging.getLogger(__name__)
LOADING_ENGINES = ("torch_tree", "vllm_local")  # the others leave the weights to a server
SHUTDOWN_S = 10  # for requests in flight; what runs longer is cut off


def main() -> int:
    """Serve until stopped; 0 after a stop, 1 with one sentence on standard error when it cannot start."""
    try:
        settings = load_settings()
        configure_logs("scorer", settings.log_level, known_secrets(settings))
        check = check_of(settings)
        source = find_model(settings.scorer_model, needs_weights=settings.scorer_engine in LOADING_ENGINES)
        listener = bind(settings.scorer_host, settings.scorer_port)
        asyncio.run(serve(settings, source, listener, check))
    except PmpoError as error:
        print(f"scorer: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ConfigurationError: the address is in use or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return without_delay(socket.create_server((host, port), family=family, backlog=1024))
    except OSError as error:
        reason = str(error.strerror or error).partition(" (while")[0]  # the address is in our own sentence
        raise ConfigurationError(
            f"cannot listen on {host}:{port} ({reason}): stop what listens there, "
            "or set PMPO_SCORER_HOST and PMPO_SCORER_PORT to another"
        ) from error


async def serve(settings: Settings, source: ModelSource, listener: socket.socket, check: Check | None = None) -> None:
    """Answer at once, load the model meanwhile; stop when told to or when the model cannot be loaded.

    Raises:
        PmpoError: the model cannot be loaded, or the engine does not pass its check.
    """
    slot = ServiceSlot()
    config = uvicorn.Config(
        create_app(slot, check),
        http=HTTP,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    server = uvicorn.Server(config)
    loading = asyncio.create_task(_fill(slot, settings, source, server))
    address = "{}:{}".format(*listener.getsockname()[:2])
    logger.info("listening on %s", address)
    try:
        await server.serve(sockets=[listener])
        if loading.done():
            loading.result()
    finally:
        loading.cancel()
        if slot.service is not None:
            await slot.service.close()


async def _fill(slot: ServiceSlot, settings: Settings, source: ModelSource, server: uvicorn.Server) -> None:
    """Build the service on another thread and put it into the slot; stop the server when that fails."""
    try:
        service = await asyncio.to_thread(build_service, settings, source, slot.metrics)
        service.start()
        slot.service = service
        logger.info("ready")
    except BaseException:
        server.should_exit = True
        raise


if __name__ == "__main__":
    sys.exit(main())
