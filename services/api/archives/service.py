"""What export and import mean: a stream of all sections, and a file that is checked whole before it is restored."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import IO

from pmpo.contracts.upkeep import ImportReport, SectionOutcome, UnreadableThing
from pmpo.errors import BodyTooLargeError, InvalidInputError
from pmpo.runs.archive import Archive, ArchiveWriter, Member
from pmpo.runtime.logs import get_logger
from services.api.archives.sections import Section

log = get_logger()
MAX_NAMED = 100
IN_MEMORY_BYTES = 8 * 2**20


class ArchiveService:
    """All that a project has, out of a store and into one."""

    def __init__(self, sections: Sequence[Section], max_bytes: int) -> None:
        """``max_bytes``: of an import, packed as well as unpacked."""
        self._sections = {section.name: section for section in sections}
        self._max_bytes = max_bytes

    async def export(self, project: str) -> AsyncIterator[bytes]:
        """The export, piece by piece; no more than one thing is held at a time.

        Raises:
            StoreUnavailableError: Redis does not answer. What was sent by then has no manifest, and nobody takes it.
        """
        writer = ArchiveWriter()
        num_members = 0
        yield writer.begin(project, datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"))
        for section in self._sections.values():
            async for member in section.members(project):
                num_members += 1
                yield await asyncio.to_thread(writer.add, member)
        yield await asyncio.to_thread(writer.end)
        log.info("exported", project=project, members=num_members)

    async def restore(self, project: str, body: AsyncIterator[bytes]) -> ImportReport:
        """Restore what an export holds and the project does not have. Nothing is overwritten.

        Raises:
            BodyTooLargeError: more bytes than may be.
            InvalidInputError: it is no whole, unchanged export that this version knows; nothing was restored then. What
                is whole and cannot be read is named in the report, and holds up nothing else.
            StoreUnavailableError: Redis failed on the way; the same import again adds what is missing.
        """
        with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
            await self._receive(body, file)
            archive = Archive(file, self._max_bytes)
            unreadable: dict[str, str] = {}
            head = await asyncio.to_thread(archive.check, partial(self._check, unreadable))
            outcomes = await self._restore(project, archive, unreadable)
        log.info("imported", project=project, members=sum(each.added for each in outcomes.values()))
        return ImportReport(exported_from=head.project, exported_at=head.exported_at, sections=outcomes)

    async def _receive(self, body: AsyncIterator[bytes], file: IO[bytes]) -> None:
        num_bytes = 0
        async for piece in body:
            num_bytes += len(piece)
            if num_bytes > self._max_bytes:
                raise BodyTooLargeError(
                    f"the export is larger than {self._max_bytes:,} bytes; raise PMPO_IMPORT_MAX_BYTES for it"
                )
            await asyncio.to_thread(file.write, piece)

    def _check(self, unreadable: dict[str, str], member: Member) -> None:
        """Note in ``unreadable`` why a member cannot be read, by its name."""
        section = self._sections.get(member.section)
        if section is None:
            raise InvalidInputError(
                f"the export has a section {member.section!r}, and this version knows {', '.join(self._sections)}; "
                "upgrade the service that imports it"
            )
        reason = section.check(member)
        if reason is not None:
            unreadable[member.name] = reason

    async def _restore(
        self, project: str, archive: Archive, unreadable: Mapping[str, str]
    ) -> dict[str, SectionOutcome]:
        """Section by section in the order of this version, whatever the order in the file."""
        outcomes: dict[str, SectionOutcome] = {}
        for section in self._sections.values():
            added = present = 0
            differing: list[str] = []
            members = archive.members()
            while (member := await asyncio.to_thread(_next, members)) is not None:
                if member.section != section.name or member.name in unreadable:
                    continue
                outcome = await section.restore(project, member)
                added += outcome == "added"
                present += outcome == "present"
                if outcome == "differs":
                    differing.append(_thing(member.name))
            left_out = [
                UnreadableThing(name=_thing(name), reason=reason)
                for name, reason in unreadable.items()
                if name.startswith(f"{section.name}/")
            ]
            outcomes[section.name] = SectionOutcome(
                added=added,
                present=present,
                differing=differing[:MAX_NAMED],
                num_differing=len(differing),
                unreadable=left_out[:MAX_NAMED],
                num_unreadable=len(left_out),
            )
        return outcomes


def _thing(member_name: str) -> str:
    """What a member holds, by the name that its section has for it."""
    return member_name.partition("/")[2].removesuffix(".jsonl")


def _next(members: Iterator[Member]) -> Member | None:
    return next(members, None)
