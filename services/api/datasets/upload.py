"""A body of JSON lines to a stored data set, piece by piece: no more than one chunk is held."""

from __future__ import annotations

import asyncio
import codecs
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from pmpo.contracts.datasets import DatasetLimits, FieldStatistics
from pmpo.data.rows import ContentHash, canonical, parse_row
from pmpo.data.sampling import how_to_sample
from pmpo.data.statistics import RowStatistics
from pmpo.errors import BodyTooLargeError, InvalidDataError, StoreUnavailableError
from services.store.datasets import CHUNK_ROWS, Meta, Upload
from services.store.store import Store

LABEL = "the body"
FIELDS = TypeAdapter(list[FieldStatistics])


@dataclass(slots=True)
class _Reading:
    """What came so far of one body: its content, what is told of it, and rows that wait for a whole chunk."""

    limits: DatasetLimits
    content: ContentHash = field(default_factory=ContentHash)
    statistics: RowStatistics = field(default_factory=RowStatistics)
    waiting: list[bytes] = field(default_factory=list)
    num_bytes: int = 0
    num_lines: int = 0

    def take(self, lines: Sequence[bytes]) -> None:
        """Read some whole lines.

        Raises:
            InvalidDataError: a line is no row (its number is named), or there are too many.
        """
        for raw in lines:
            self.num_lines += 1
            text = _text(raw, self.num_lines)
            if not text.strip():
                continue
            row = parse_row(text, LABEL, self.num_lines)
            line = canonical(row)
            self.content.add(line)
            self.statistics.add(row, line)
            self.waiting.append(line)
            self.num_bytes += len(line) + 1
            if self.statistics.num_rows > self.limits.rows:
                raise InvalidDataError(
                    f"the body has more than {self.limits.rows:,} rows; {how_to_sample(self.limits)}"
                )

    def chunk(self, *, is_last: bool) -> list[bytes]:
        """The rows of the next chunk; none as long as it is not whole, unless it is the last."""
        if not is_last and len(self.waiting) < CHUNK_ROWS:
            return []
        chunk, self.waiting = self.waiting[:CHUNK_ROWS], self.waiting[CHUNK_ROWS:]
        return chunk

    def meta(self) -> Meta:
        """What is told of the whole data set."""
        return {
            "sha256": self.content.sha256,
            "num_rows": str(self.statistics.num_rows),
            "num_bytes": str(self.num_bytes),
            "num_duplicates": str(self.statistics.num_duplicates),
            "created_at": repr(time.time()),
            "fields": FIELDS.dump_json(self.statistics.fields()).decode(),
        }


async def store_rows(
    store: Store, project: str, name: str, body: AsyncIterator[bytes], limits: DatasetLimits
) -> tuple[str, bool]:
    """Store the rows of a body; its id, and whether it is new. Nothing is visible before the end, or after a failure.

    Raises:
        InvalidDataError: a line is no row, or there are none or too many.
        BodyTooLargeError: more bytes than the limit.
        StoreUnavailableError: Redis failed.
    """
    upload = store.datasets.begin()
    try:
        reading = await _read(store, upload, body, limits)
        if not reading.statistics.num_rows:
            raise InvalidDataError(f"the body holds no rows; send 1 to {limits.rows:,}, each a JSON object on its line")
        found = reading.content.id
        return found, await store.datasets.finish(upload, project, found, name, await asyncio.to_thread(reading.meta))
    except BaseException:
        with suppress(StoreUnavailableError):  # then it expires
            await store.datasets.abandon(upload)
        raise


async def _read(store: Store, upload: Upload, body: AsyncIterator[bytes], limits: DatasetLimits) -> _Reading:
    reading = _Reading(limits)
    async for lines in _batches(body, limits):
        await asyncio.to_thread(reading.take, lines)
        while chunk := reading.chunk(is_last=False):
            await store.datasets.put(upload, chunk)
    while chunk := reading.chunk(is_last=True):
        await store.datasets.put(upload, chunk)
    return reading


async def _batches(body: AsyncIterator[bytes], limits: DatasetLimits) -> AsyncIterator[list[bytes]]:
    """Whole lines, some at a time, without their line feeds."""
    num_bytes = 0
    pieces: list[bytes] = []  # of a line that goes on
    waiting: list[bytes] = []
    async for piece in body:
        num_bytes += len(piece)
        if num_bytes > limits.bytes:
            raise BodyTooLargeError(f"the body is larger than the limit: {how_to_sample(limits)}")
        first, *rest = piece.split(b"\n")
        pieces.append(first)
        if rest:
            waiting += [b"".join(pieces), *rest[:-1]]
            pieces = [rest[-1]]
        if len(waiting) >= CHUNK_ROWS:
            yield waiting
            waiting = []
    yield [*waiting, b"".join(pieces)]


def _text(raw: bytes, number: int) -> str:
    line = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
    try:
        return line.decode("utf-8").rstrip("\r")
    except UnicodeDecodeError as error:
        reason = f"not UTF-8 ({error.reason}); send JSON lines in UTF-8, not compressed"
        raise InvalidDataError(f"{LABEL}, line {number}: {reason}") from None
