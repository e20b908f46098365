import gzip
import io
import json
import random
import tarfile
from collections.abc import Callable, Sequence

import pytest

from pmpo.errors import InvalidInputError
from pmpo.runs import archive
from pmpo.runs.archive import Archive, ArchiveWriter, Member

MEMBERS = [
    Member("jobs/a.jsonl", b'{"x":1}\n'),
    Member("jobs/b.jsonl", b"\xff\x00" * 50_000),
    Member("sets/c.jsonl", b""),
]
BIG = 2**30


def written(members: Sequence[Member] = MEMBERS) -> bytes:
    writer = ArchiveWriter()
    return writer.begin("web", "2026-01-31T12:00:00Z") + b"".join(map(writer.add, members)) + writer.end()


def unpacked(content: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return [(entry, tar.extractfile(entry).read()) for entry in tar]  # type: ignore[union-attr]


def packed(entries: Sequence[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz") as tar:
        for entry, content in entries:
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return sink.getvalue()


def checked(content: bytes, max_bytes: int = BIG) -> tuple[archive.ArchiveHead, list[Member]]:
    found = Archive(io.BytesIO(content), max_bytes)
    seen: list[Member] = []
    head = found.check(seen.append)
    assert list(found.members()) == seen
    return head, seen


def refused(content: bytes, max_bytes: int = BIG) -> str:
    with pytest.raises(InvalidInputError) as error:
        checked(content, max_bytes)
    return error.value.message


def test_what_was_written_is_read_back() -> None:
    head, members = checked(written())
    assert (head.format, head.project, head.exported_at) == (1, "web", "2026-01-31T12:00:00Z")
    assert members == MEMBERS
    assert [member.section for member in members] == ["jobs", "jobs", "sets"]
    assert checked(written([]))[1] == []


def test_the_writer_keeps_nothing_that_it_gave_out() -> None:
    writer = ArchiveWriter()
    noise = random.Random(0).randbytes(200_000)
    pieces = [
        writer.begin("web", "now"),
        *(writer.add(Member(f"jobs/{n}.jsonl", noise)) for n in range(5)),
        writer.end(),
    ]
    assert sum(len(piece) > 100 for piece in pieces[1:-1]) >= 4
    assert len(checked(b"".join(pieces))[1]) == 5


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_file_that_broke_off_is_refused(share: float) -> None:
    whole = written()
    message = refused(whole[: int(len(whole) * share)])
    assert "broke" in message or "no export" in message


def test_other_files_are_refused() -> None:
    for content in (b"", b"no archive at all", gzip.compress(b"no tar" * 200), packed([])):
        assert "no export" in refused(content) or "begin with its head" in refused(content)


def _changed(change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]) -> bytes:
    entries = unpacked(written())
    change(entries)
    return packed(entries)


def _with_head(**changes: object) -> bytes:
    def change(entries: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        entries[0] = (entries[0][0], json.dumps({**json.loads(entries[0][1]), **changes}).encode())

    return _changed(change)


def test_a_newer_format_is_refused_and_a_newer_writer_of_this_format_is_not() -> None:
    assert "has format 2 (written by pmpo 9.0), and this version reads up to 1; upgrade" in refused(
        _with_head(format=2, pmpo="9.0")
    )
    assert checked(_with_head(pmpo="9.0", more="things"))[0].pmpo == "9.0"
    assert "cannot be read" in refused(_with_head(format="one"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda entries: entries.__setitem__(2, (entries[2][0], b"changed")), "jobs/b.jsonl is not what was exported"),
        (lambda entries: entries.pop(2), "not those of its manifest"),
        (lambda entries: entries.insert(2, entries[1]), "not those of its manifest"),
        (lambda entries: entries.reverse(), "begin with its head"),
        (lambda entries: entries.append(entries[1]), "goes on after its manifest"),
        (lambda entries: entries.__setitem__(-1, (entries[-1][0], b"{}")), "manifest of the export cannot be read"),
        (lambda entries: entries.insert(1, (tarfile.TarInfo("../evil"), b"x")), "'../evil', which no export has"),
        (lambda entries: entries.insert(1, (tarfile.TarInfo("/etc/passwd"), b"x")), "which no export has"),
        (lambda entries: entries.insert(1, (tarfile.TarInfo("jobs/../x.jsonl"), b"x")), "which no export has"),
    ],
)
def test_what_was_changed_is_refused(change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None], says: str) -> None:
    assert says in refused(_changed(change))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_only_plain_files_are_members(kind: bytes) -> None:
    link = tarfile.TarInfo("jobs/link.jsonl")
    link.type, link.linkname = kind, "/etc/passwd"
    assert "no plain file" in refused(_changed(lambda entries: entries.insert(1, (link, b""))))


def test_a_bomb_is_not_unpacked() -> None:
    bomb = written([Member("jobs/zeros.jsonl", b"\0" * 30_000_000)])
    assert len(bomb) < 100_000
    assert "PMPO_IMPORT_MAX_BYTES" in refused(bomb, max_bytes=10_000_000)


def test_a_member_that_is_too_large_is_refused_by_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBER_BYTES", 50_000)
    assert "of a size that an export has" in refused(written())


def test_headers_without_end_are_not_read() -> None:
    entry = tarfile.TarInfo("jobs/a.jsonl")
    entry.pax_headers = {"comment": "x" * 3_000_000}
    monkey = archive.MAX_MEMBER_BYTES
    archive.MAX_MEMBER_BYTES = 100_000
    try:
        sink = io.BytesIO()
        with tarfile.open(fileobj=sink, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
            head, content = unpacked(written([]))[0]
            tar.addfile(head, io.BytesIO(content))
            tar.addfile(entry)
        assert "larger than" in refused(sink.getvalue())
    finally:
        archive.MAX_MEMBER_BYTES = monkey
