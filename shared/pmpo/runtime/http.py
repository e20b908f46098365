"""The HTTP client that all our callers share, and what a server's refusal says. Standard headers, no policy."""

from __future__ import annotations

import json
import math
import ssl
from functools import cache

import httpx

from pmpo import __version__
from pmpo.runtime.secrets import masking

CONNECT_TIMEOUT_S = 10.0
MAX_QUOTED = 240
_LOOPBACK = ("all://127.0.0.1", "all://localhost", "all://[::1]")
_TOO_LONG = (
    "maximum context length",
    "maximum model length",
    "longer than the model",
    "context size",
    "context length",
    "context window",
    "max_model_len",
)


def open_http(key: str | None = None) -> httpx.AsyncClient:
    """A client for one event loop; the caller closes it. ``key`` goes with every call as a bearer token.

    Deadlines are the callers' own, and so is the number of calls at a time. Proxies of the environment are used, except
    for this machine itself.
    """
    return httpx.AsyncClient(
        headers=_headers(key),
        timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT_S),
        limits=httpx.Limits(max_connections=None),
        mounts=dict.fromkeys(_LOOPBACK),
        verify=_tls(),
    )


def open_blocking_http(key: str | None, timeout_s: float) -> httpx.Client:
    """The same for a thread without an event loop; ``timeout_s`` bounds each wait of a call."""
    return httpx.Client(
        headers=_headers(key),
        timeout=httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
        mounts=dict.fromkeys(_LOOPBACK),
        verify=_tls(),
    )


def said_by(response: httpx.Response) -> str:
    """The sentence in a refusal's body, in the forms that model servers use, or the body's beginning; "" for none.

    A server that repeats the key it was sent is not quoted in that.
    """
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        body = response.text
    for key in ("error", "message", "detail"):
        if isinstance(body, dict) and key in body:
            body = body[key]
    key = response.request.headers.get("authorization", "").partition(" ")[2]
    mask = masking([key])
    return mask(" ".join(str(body).split()))[:MAX_QUOTED]


def is_about_length(said: str) -> bool:
    """Whether a refusal is that of a text longer than the model's context, in the words that model servers use."""
    return any(words in said.lower() for words in _TOO_LONG)


def retry_after_s(response: httpx.Response) -> float | None:
    """Seconds of ``Retry-After``; None without one, and for the date form, which nobody we call uses."""
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _headers(key: str | None) -> dict[str, str]:
    agent = {"user-agent": f"pmpo/{__version__}"}
    return {**agent, "authorization": f"Bearer {key}"} if key else agent


@cache
def _tls() -> ssl.SSLContext:
    """One TLS context a process: making it takes longer than a call."""
    return httpx.create_ssl_context()
