"""Connections to the services send small answers at once."""

import socket

import pytest

from services.api.serving import _listen
from services.scorer.__main__ import bind


@pytest.mark.parametrize("listen", [bind, _listen], ids=["scorer", "api"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_connection_does_not_wait_for_acknowledgements(listen, host):
    try:
        listener = listen(host, 0)
    except Exception as error:
        if host == "::1":
            pytest.skip(f"this machine has no IPv6: {error}")
        raise
    with listener, socket.create_connection(listener.getsockname()[:2]):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
