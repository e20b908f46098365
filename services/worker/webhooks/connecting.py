"""Connections to checked addresses: a name is resolved, what it leads to is checked, and that very address is taken.

Nothing is looked up twice, so a name that changes its address between check and connection gains nothing. TLS and the
``Host`` header keep the name: httpcore takes them from the URL, not from the connection.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import httpcore

from services.webhooks.addresses import Address
from services.webhooks.targets import WebhookTargets

MAX_ADDRESSES = 4
Resolve = Callable[[str, int], Awaitable[list[Address]]]


async def resolve(host: str, port: int) -> list[Address]:
    """The addresses of a host, as the system's resolver finds them. Raises OSError: it finds none."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
    return list(dict.fromkeys(addresses))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """httpcore's way to the network, for allowed addresses alone. Every connection is resolved and checked anew."""

    def __init__(self, targets: WebhookTargets, resolving: Resolve = resolve) -> None:
        self._targets = targets
        self._resolve = resolving
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's name)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address of ``host`` that takes one.

        Raises:
            InvalidInputError: one of its addresses may not be called; none is connected to then.
            httpcore.ConnectError: the name leads nowhere, or no address takes a connection.
        """
        try:
            addresses = await self._resolve(host.strip("[]"), port)
        except OSError:
            raise httpcore.ConnectError("its name cannot be resolved") from None
        for address in addresses:
            self._targets.check_address(host.strip("[]"), address)
        last: Exception = httpcore.ConnectError("its name has no address")
        for address in addresses[:MAX_ADDRESSES]:
            try:
                return await self._inner.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's name)
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """No webhook goes to a socket of this machine."""
        raise httpcore.ConnectError("sockets of this machine are not called")

    async def sleep(self, seconds: float) -> None:
        """See ``httpcore.AsyncNetworkBackend``."""
        await self._inner.sleep(seconds)
