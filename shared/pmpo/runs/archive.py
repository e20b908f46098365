"""The file that an export is: a gzipped tar whose members are JSON lines, with a head first and a manifest last.

    pmpo-export.json     {"format": 1, "pmpo": "0.1.0", "project": "default", "exported_at": "2026-01-31T12:00:00Z"}
    jobs/<id>.jsonl      one member for each thing, in the folder of its section
    ...
    manifest.json        {"members": [{"name": "jobs/<id>.jsonl", "bytes": 1234, "sha256": "..."}, ...]}

An export that broke off has no manifest, and is refused. Nothing is ever unpacked to a disk.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from gzip import GzipFile
from typing import IO, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from pmpo import __version__
from pmpo.errors import InvalidInputError

FORMAT = 1
MEDIA_TYPE = "application/gzip"
MAX_MEMBER_BYTES = 256 * 2**20
_HEADER_BYTES = 2**20
_HEAD = "pmpo-export.json"
_MANIFEST = "manifest.json"
_NAME = re.compile(r"(?P<section>[a-z][a-z_]{0,39})/[A-Za-z0-9_-][A-Za-z0-9_.:-]{0,199}\.jsonl")
_BROKEN = (tarfile.TarError, zlib.error, EOFError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Member:
    """One thing of an export: ``name`` is ``<section>/<name>.jsonl``."""

    name: str
    content: bytes

    @property
    def section(self) -> str:
        """The section that it belongs to."""
        return self.name.partition("/")[0]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ArchiveHead(_Model):
    """What an export says of itself."""

    format: int
    pmpo: str = ""
    project: str = ""
    exported_at: str = ""


class _Entry(_Model):
    name: str
    bytes: int
    sha256: str


class _Manifest(_Model):
    members: list[_Entry]


class ArchiveWriter:
    """Makes an export piece by piece; each method answers the bytes that come next, none of which is kept."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._tar = tarfile.open(fileobj=self._sink, mode="w|gz", format=tarfile.PAX_FORMAT)  # noqa: SIM115 (ended by end)
        self._members: list[dict[str, Any]] = []

    def begin(self, project: str, exported_at: str) -> bytes:
        """The head."""
        head = ArchiveHead(format=FORMAT, pmpo=__version__, project=project, exported_at=exported_at)
        return self._put(_HEAD, head.model_dump_json().encode())

    def add(self, member: Member) -> bytes:
        """One member. No two have the same name."""
        assert _NAME.fullmatch(member.name), member.name
        digest = hashlib.sha256(member.content).hexdigest()
        self._members.append({"name": member.name, "bytes": len(member.content), "sha256": digest})
        return self._put(member.name, member.content)

    def end(self) -> bytes:
        """The manifest, and the end of the file."""
        rest = self._put(_MANIFEST, json.dumps({"members": self._members}).encode())
        self._tar.close()
        return rest + self._sink.drain()

    def _put(self, name: str, content: bytes) -> bytes:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        entry.mode = 0o600
        self._tar.addfile(entry, io.BytesIO(content))
        return self._sink.drain()


class Archive:
    """An export in a file that can be read from its beginning again. Nothing of it is believed before ``check``."""

    def __init__(self, file: IO[bytes], max_bytes: int) -> None:
        """``max_bytes``: how much its content may be, unpacked."""
        self._file = file
        self._max_bytes = max_bytes

    def check(self, check_member: Callable[[Member], None]) -> ArchiveHead:
        """Read all of it: its format, every hash, and with ``check_member`` every member.

        Raises:
            InvalidInputError: what is wrong, and with which member.
        """
        entries = self._entries()
        head = _read_head(next(entries, None))
        seen: list[_Entry] = []
        for member in entries:
            if member.name == _MANIFEST:
                _compare(seen, member.content)
                if next(entries, None) is not None:
                    raise InvalidInputError("the export goes on after its manifest; take the file as it was written")
                return head
            if not _NAME.fullmatch(member.name):
                raise InvalidInputError(f"the export has a member {member.name[:80]!r}, which no export has")
            check_member(member)
            digest = hashlib.sha256(member.content).hexdigest()
            seen.append(_Entry(name=member.name, bytes=len(member.content), sha256=digest))
        raise InvalidInputError("the export has no manifest at its end: it broke off; make it again")

    def members(self) -> Iterator[Member]:
        """The members of an export that was checked, in order."""
        return (member for member in self._entries() if _NAME.fullmatch(member.name))

    def _entries(self) -> Iterator[Member]:
        self._file.seek(0)
        try:
            with GzipFile(fileobj=self._file, mode="rb") as unpacked:
                bounded = _Bounded(unpacked, self._max_bytes)
                with tarfile.open(fileobj=bounded, mode="r|") as tar:  # type: ignore[call-overload]
                    for entry in tar:
                        yield Member(entry.name, _content(tar, entry))
                        bounded.begin_member()
        except InvalidInputError:
            raise
        except _BROKEN as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise InvalidInputError(
                f"this is no export, or a broken one ({reason}); take the file as written"
            ) from None


class _Sink(io.RawIOBase):
    """Takes what tarfile writes until it is drained."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting.append(bytes(data))
        return len(data)

    def drain(self) -> bytes:
        found, self._waiting = b"".join(self._waiting), []
        return found


class _Bounded:
    """What tarfile reads from: no more in all than there may be, and no more for one member, headers included."""

    def __init__(self, file: GzipFile, max_bytes: int) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self._num_left = max_bytes
        self._num_left_of_member = 0
        self.begin_member()

    def begin_member(self) -> None:
        self._num_left_of_member = MAX_MEMBER_BYTES + _HEADER_BYTES

    def read(self, size: int) -> bytes:
        found = self._file.read(size)
        self._num_left -= len(found)
        self._num_left_of_member -= len(found)
        if self._num_left_of_member < 0:
            raise InvalidInputError(f"a member of the export is larger than {MAX_MEMBER_BYTES // 2**20} MiB")
        if self._num_left < 0:
            raise InvalidInputError(
                f"the export holds more than {self._max_bytes:,} bytes; raise PMPO_IMPORT_MAX_BYTES for it"
            )
        return found


def _content(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    if entry.type != tarfile.REGTYPE or entry.size > MAX_MEMBER_BYTES:
        raise InvalidInputError(f"the member {entry.name[:80]!r} is no plain file of a size that an export has")
    file = tar.extractfile(entry)
    assert file is not None, "a plain file has content"
    return file.read()


def _read_head(member: Member | None) -> ArchiveHead:
    if member is None or member.name != _HEAD:
        raise InvalidInputError("this is no export: it does not begin with its head; give what `pmpo export` wrote")
    try:
        head = ArchiveHead.model_validate_json(member.content)
    except ValidationError:
        raise InvalidInputError("the head of the export cannot be read; give what `pmpo export` wrote") from None
    if head.format > FORMAT:
        raise InvalidInputError(
            f"the export has format {head.format} (written by pmpo {head.pmpo[:20]}), and this version reads up to "
            f"{FORMAT}; upgrade the service that imports it"
        )
    return head


def _compare(seen: list[_Entry], manifest: bytes) -> None:
    try:
        promised = _Manifest.model_validate_json(manifest).members
    except ValidationError:
        raise InvalidInputError("the manifest of the export cannot be read; make the export again") from None
    names = [entry.name for entry in seen]
    if len(set(names)) < len(names) or names != [entry.name for entry in promised]:
        raise InvalidInputError("the export's members are not those of its manifest; make the export again")
    for found, entry in zip(seen, promised, strict=True):
        if found != entry:
            raise InvalidInputError(
                f"the member {found.name} is not what was exported (its hash differs); make the export again"
            )
