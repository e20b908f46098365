"""One connection to a job's event stream (server-sent events): lines to frames, as the WHATWG's HTML, 9.2 has them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from pmpo.client.calls import Call, Stream, UnreachedError
from pmpo.client.exchange import Exchange
from pmpo.contracts.jobs import EventView
from pmpo.errors import UnavailableError, UpstreamError

MEDIA_TYPE = "text/event-stream"
SILENCE_S = 35.0  # the API fills every 10 seconds of silence


class NoStreamError(Exception):
    """Events come in pages only: the API, or something between, does not pass a stream on."""


@dataclass(frozen=True, slots=True)
class Frame:
    """``name`` is ``message`` (an event of the job), ``state``, ``end``, or ``comment`` for a sign of life."""

    name: str
    data: str = ""

    def event(self) -> EventView:
        """The event of a message.

        Raises:
            UpstreamError: it is none.
        """
        try:
            return EventView.model_validate_json(self.data, extra="ignore")
        except ValueError:
            raise UpstreamError(
                f"the API's event stream holds what is no event ({self.data:.80}); "
                "see whether PMPO_URL names a PMPO API of this version"
            ) from None


async def frames_after(exchange: Exchange, path: str, after: int) -> AsyncGenerator[Frame, None]:
    """The frames of one connection, until it is closed.

    Raises:
        NoStreamError: no stream came.
        UnavailableError: no API answers, or the connection broke.
        PmpoError: what the API refused.
    """
    headers = {"accept": f"{MEDIA_TYPE}, application/json;q=0.5", "last-event-id": str(after)}
    call = Call("GET", path, SILENCE_S, is_repeatable=True, query={"after": str(after)}, headers=headers)
    stream = await exchange.open(call)
    try:
        if not stream.headers.get("content-type", "").startswith(MEDIA_TYPE):
            raise NoStreamError
        async with aclosing(_frames(stream)) as frames:
            async for frame in frames:
                yield frame
    finally:
        await stream.close()


async def _frames(stream: Stream) -> AsyncGenerator[Frame, None]:
    name, has_line = "message", False
    data: list[str] = []
    try:
        async for line in stream.lines():
            has_line = True
            if line.startswith(":"):
                yield Frame("comment")
            elif not line:
                if data:
                    yield Frame(name, "\n".join(data))
                name, data = "message", []
            else:
                key, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if key == "data":
                    data.append(value)
                elif key == "event":
                    name = value
    except UnreachedError as error:
        if not has_line:  # something keeps what it should pass on
            raise NoStreamError from error
        raise UnavailableError("the connection to the PMPO API broke") from error
