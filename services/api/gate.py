"""Who gets in: every request is looked at here before a byte of its body is read.

With keys, only ``OPEN_PATHS`` answer strangers: a new route is closed until it is named there. Without keys the API is
bound to loopback, and what is left to fear is a page of another site in a browser on this machine.
"""

from __future__ import annotations

from typing import Protocol

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pmpo.contracts.problems import to_problem
from pmpo.errors import ConfigurationError, ForbiddenError, PmpoError, StoreUnavailableError, UnauthorizedError
from pmpo.runtime.addresses import host_in, is_loopback
from pmpo.runtime.logs import get_logger
from pmpo.runtime.settings import Settings
from services.api.callers import Caller, anyone
from services.api.problems import problem_response
from services.store.api_keys import ApiKeys

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/docs", "/openapi.json"})
FIRST_KEY = (
    "make the first with `python -m services.api.keys --name NAME` where the API runs and with its PMPO_REDIS_URL, "
    "or with `pmpo keys create` while the API is bound to 127.0.0.1"
)
_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
log = get_logger()


class Doorkeeper(Protocol):
    """Knows who may ask."""

    async def admit(self, method: str, headers: Headers) -> Caller:
        """Who asks. Raises: PmpoError: nobody who may."""
        ...

    def is_open(self, path: str) -> bool:
        """Whether a path answers everybody."""
        ...


class WithKeys:
    """Asks for a key in ``Authorization: Bearer``."""

    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys

    def is_open(self, path: str) -> bool:
        """Only what tells nothing of anybody's work."""
        return path in OPEN_PATHS

    async def admit(self, _method: str, headers: Headers) -> Caller:
        """Raises UnauthorizedError: no key, or one that does not count."""
        scheme, _, text = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise UnauthorizedError(
                "this API asks for a key: send it as 'Authorization: Bearer pmpo_...' (for pmpo and its client: "
                "PMPO_API_KEY); an admin of your project makes one with: pmpo keys create"
            )
        key = await self._keys.check(text.strip())
        return Caller(key.project, key.scopes, key.id)


class OnLoopback:
    """Asks for no key, and refuses what a browser sends for a page of another site.

    A page may have a name that resolves to this machine (DNS rebinding), which its ``Host`` header tells, and may post
    without reading the answer, which its ``Origin`` header tells.
    """

    def is_open(self, _path: str) -> bool:
        """Nothing answers to a foreign name."""
        return False

    async def admit(self, method: str, headers: Headers) -> Caller:
        """Raises ForbiddenError: a page of another site asks."""
        host = headers.get("host", "")
        if not is_loopback(host_in(host)):
            raise ForbiddenError(
                f"this API runs without keys and answers to the names of this machine alone, not to {host[:100]!r}; "
                "call it at http://127.0.0.1 with its port, or set PMPO_API_KEYS=required"
            )
        origin = headers.get("origin")
        if method not in _HARMLESS and origin is not None and origin.lower().partition("://")[2] != host.lower():
            raise ForbiddenError(
                f"this API runs without keys and takes nothing from pages of other sites, such as {origin[:100]!r}; "
                "set PMPO_API_KEYS=required and send a key"
            )
        return anyone()


class Gate:
    """Puts the caller into ``request.state``, or answers in place of the routes."""

    def __init__(self, app: ASGIApp, doorkeeper: Doorkeeper) -> None:
        self._app = app
        self._doorkeeper = doorkeeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no route speaks another protocol, so nobody is let in to try
            return
        if self._doorkeeper.is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        try:
            state["caller"] = await self._doorkeeper.admit(scope["method"], Headers(scope=scope))
        except PmpoError as error:
            await problem_response(to_problem(error, state["request_id"]))(scope, receive, send)
            return
        await self._app(scope, receive, send)


def are_keys_required(settings: Settings) -> bool:
    """What ``PMPO_API_KEYS`` means for the address that the API binds.

    Raises:
        ConfigurationError: off, and others than this machine could call.
    """
    is_local = is_loopback(settings.api_host)
    if settings.api_keys == "off" and not is_local:
        raise ConfigurationError(
            f"PMPO_API_KEYS=off needs an API that is bound to loopback, and PMPO_API_HOST is {settings.api_host!r}; "
            "leave PMPO_API_KEYS out, or bind 127.0.0.1"
        )
    return settings.api_keys == "required" or not is_local


def doorkeeper(settings: Settings, keys: ApiKeys) -> Doorkeeper:
    """The one that the settings ask for.

    Raises:
        ConfigurationError: no keys where others than this machine could call.
    """
    return WithKeys(keys) if are_keys_required(settings) else OnLoopback()


async def refuse_without_keys(settings: Settings, keys: ApiKeys) -> None:
    """See that somebody can call an API that asks for keys. A Redis that is away is no reason not to start.

    Raises:
        ConfigurationError: keys are required, and there are none.
    """
    if not are_keys_required(settings):
        return
    try:
        has_any = await keys.has_any()
    except StoreUnavailableError as error:
        log.warning("keys_unknown", reason=error.message)
        return
    if not has_any:
        why = "PMPO_API_KEYS=required" if settings.api_keys == "required" else f"PMPO_API_HOST={settings.api_host}"
        raise ConfigurationError(f"{why} asks for API keys and there are none; {FIRST_KEY}")
