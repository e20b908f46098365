"""What the services that listen have in common: their sockets, their event loop, their parser."""

from __future__ import annotations

import socket

LOOP = "auto"  # uvloop where it is installed: a quarter less CPU a request than asyncio's own loop
HTTP = "h11"  # httptools, where something else installed it, takes headers of any length


def without_delay(listener: socket.socket) -> socket.socket:
    """The same socket, whose connections send each packet at once (TCP_NODELAY).

    asyncio sets the option only on sockets that were made with TCP's protocol number, which Python leaves at 0. Without
    it the body of an answer waits behind its head for the client's delayed acknowledgement: on Linux 40 ms for every
    answer but the first of a connection, four times what a small call costs.
    """
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
