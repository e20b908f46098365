"""The section of data sets: what is told of each, then its rows in their canonical form, one a line."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from pmpo.contracts.datasets import DatasetLimits
from pmpo.contracts.jobdata import is_dataset_id
from pmpo.data.rows import ContentHash, canonical, parse_row
from pmpo.data.sampling import how_to_sample
from pmpo.errors import InvalidInputError, NotFoundError, PmpoError
from pmpo.runs.archive import Member
from services.api.archives.sections import Outcome, reason_of
from services.api.datasets.upload import store_rows
from services.store.store import Store

_PAGE = 100


class DatasetsSection:
    """Data sets of a project. One that is there has the same rows, for its id is made of them; its name is left."""

    name = "datasets"

    def __init__(self, store: Store, limits: DatasetLimits) -> None:
        self._store = store
        self._limits = limits

    async def members(self, project: str) -> AsyncIterator[Member]:
        """See ``Section``; the oldest first, so that an import lists them in the same order."""
        for dataset_id in reversed(await self._ids(project)):
            try:
                meta = await self._store.datasets.get(project, dataset_id)
                lines = await self._store.datasets.all_lines(project, dataset_id)
            except NotFoundError:
                continue  # deleted meanwhile
            head = json.dumps({"dataset": dataset_id, "name": meta["name"]}, ensure_ascii=False).encode()
            yield Member(f"{self.name}/{dataset_id}.jsonl", b"\n".join([head, *lines]) + b"\n")

    def check(self, member: Member) -> str | None:
        """See ``Section``."""
        dataset_id, _, lines = _parts(member)
        content = ContentHash()
        for line in lines:
            content.add(line)
        if content.id != dataset_id or not lines:
            raise InvalidInputError(f"{member.name} holds other rows than its id says; make the export again")
        if len(lines) > self._limits.rows or len(member.content) > self._limits.bytes + len(lines):
            return f"it is larger than this service takes: {how_to_sample(self._limits)}"
        try:
            are_canonical = all(_is_canonical(line, number) for number, line in enumerate(lines, start=1))
        except (ValueError, PmpoError) as error:
            return reason_of(error)
        return None if are_canonical else "it has a row that is not in the form that rows are kept in"

    async def restore(self, project: str, member: Member) -> Outcome:
        """See ``Section``."""
        dataset_id, name, lines = _parts(member)
        try:
            await self._store.datasets.get(project, dataset_id)
        except NotFoundError:
            await store_rows(self._store, project, name, _body(lines), self._limits)
            return "added"
        return "present"

    async def _ids(self, project: str) -> list[str]:
        """All of them, the newest first."""
        found: list[str] = []
        before: int | None = None
        while page := await self._store.datasets.newest(project, before, _PAGE):
            found += [meta["id"] for meta in page]
            before = int(page[-1]["number"])
        return found


def _parts(member: Member) -> tuple[str, str, list[bytes]]:
    """Id, name and rows. Raises InvalidInputError: the first line is none of a data set, or not of that one."""
    first, *lines = member.content.removesuffix(b"\n").split(b"\n")
    try:
        head = json.loads(first)
        dataset_id, name = head["dataset"], head["name"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidInputError(f"{member.name} is no data set: its first line names none") from None
    if not isinstance(name, str) or member.name != f"datasets/{dataset_id}.jsonl" or not is_dataset_id(dataset_id):
        raise InvalidInputError(f"{member.name} is no data set: its first line names another, or none")
    return dataset_id, name, lines


def _is_canonical(line: bytes, number: int) -> bool:
    """Whether a row is in the form that rows are kept in. Raises ValueError or InvalidDataError: it is no row."""
    return canonical(parse_row(line.decode(), "its rows", number)) == line


async def _body(lines: list[bytes]) -> AsyncIterator[bytes]:
    for line in lines:
        yield line + b"\n"
