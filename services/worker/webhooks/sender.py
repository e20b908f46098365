"""One call of one webhook, and what its outcome means."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import httpcore

from pmpo import __version__
from pmpo.errors import InvalidInputError
from services.webhooks.secrets import VARIABLE
from services.webhooks.targets import WebhookTargets
from services.worker.webhooks.connecting import GuardedBackend, Resolve, resolve
from services.worker.webhooks.signing import signed_headers

DEADLINE_S = 15.0
MAX_ANSWER_BYTES = 64 * 1024
GONE = 410


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a call.

    Attributes:
        outcome: ``delivered``; ``refused``, which no other try can change; or ``failed``, which one may.
        detail: why it was not delivered. Nothing of what the receiver answered stands in it but the status.
        retry_after_s: what the receiver asked for.
    """

    outcome: Literal["delivered", "refused", "failed"]
    detail: str = ""
    retry_after_s: float = 0.0


class WebhookSender:
    """Sends signed bodies to allowed targets. Redirects are not followed, and proxies of the environment not used."""

    def __init__(
        self,
        targets: WebhookTargets,
        secrets: Sequence[bytes],
        tls: ssl.SSLContext,
        *,
        deadline_s: float = DEADLINE_S,
        resolving: Resolve = resolve,
    ) -> None:
        self._targets = targets
        self._secrets = secrets
        self._tls = tls
        self._deadline_s = deadline_s
        self._resolving = resolving

    async def send(self, url: str, message_id: str, body: bytes) -> Sent:
        """Call a webhook once, within the deadline from the look-up of its name to the end of its answer."""
        if not self._secrets:
            return Sent("failed", f"{VARIABLE} is not set for the workers; set it, and the next try will be signed")
        try:
            self._targets.check_url(url)
            async with asyncio.timeout(self._deadline_s):
                status, retry_after = await self._post(url, self._headers(url, message_id, body), body)
        except InvalidInputError as error:
            return Sent("refused", error.message)
        except (TimeoutError, httpcore.TimeoutException):
            return Sent("failed", f"it did not answer within {self._deadline_s:g} s")
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            return Sent("failed", f"it cannot be reached: {_reason(error)}")
        return _judged(status, retry_after)

    def _headers(self, url: str, message_id: str, body: bytes) -> dict[str, str]:
        return {
            "host": urlsplit(url).netloc,
            "user-agent": f"pmpo/{__version__}",
            "content-type": "application/json",
            **signed_headers(message_id, int(time.time()), body, self._secrets),
        }

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        """Status and ``Retry-After``. The answer's body is read as far as a polite caller does, and dropped."""
        backend = GuardedBackend(self._targets, self._resolving)
        async with httpcore.AsyncConnectionPool(ssl_context=self._tls, network_backend=backend) as pool:
            given = [(name.encode(), value.encode()) for name, value in headers.items()]
            async with pool.stream("POST", url, headers=given, content=body) as response:
                num_bytes = 0
                async for chunk in response.aiter_stream():
                    num_bytes += len(chunk)
                    if num_bytes > MAX_ANSWER_BYTES:
                        break
                found = {name.lower(): value for name, value in response.headers}
                return response.status, found.get(b"retry-after", b"").decode("latin-1")


def _judged(status: int, retry_after: str) -> Sent:
    if 200 <= status < 300:
        return Sent("delivered")
    if status == GONE:
        return Sent("refused", "it answered 410: it wants no more")
    hint = "; redirects are not followed, so give the final URL" if 300 <= status < 400 else ""
    return Sent("failed", f"it answered {status}{hint}", float(retry_after) if retry_after.isdecimal() else 0.0)


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
