"""The routes of upkeep, written once: export and import of a project, and clearing away."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from pmpo.client.answers import read
from pmpo.client.calls import Call
from pmpo.client.exchange import Exchange
from pmpo.client.specs import body_of
from pmpo.contracts.upkeep import GcReport, GcRequest, ImportReport
from pmpo.errors import InvalidInputError, UpstreamError

TRANSFER_TIMEOUT_S = 600.0
_MOST_BYTES = 2**50


class UpkeepCalls:
    """What an admin of a project does with all of it. A key needs the scope ``admin``."""

    _exchange: Exchange
    _timeout_s: float

    async def export_project(self, path: str | Path) -> dict[str, int]:
        """Write all that the project has to a file that is not there yet, and check it.

        Returns:
            how many things of each section it holds.

        Raises:
            InvalidInputError: the file is there, or cannot be written.
            UpstreamError: what arrived is not whole; nothing was kept.
        """
        path = Path(path)
        partial = path.with_name(f"{path.name}.part")
        call = Call("GET", "/v1/export", TRANSFER_TIMEOUT_S, is_repeatable=True)
        try:
            _refuse_present(path)
            await self._exchange.download(call, partial)
            counts = _counted(partial)
            partial.rename(path)
        except OSError as error:
            raise InvalidInputError(f"{path} cannot be written: {error.strerror or error}") from None
        finally:
            with suppress(OSError):  # where nothing could be written, nothing can be deleted
                partial.unlink()
        return counts

    async def import_project(self, path: str | Path) -> ImportReport:
        """Restore what an export holds and the project does not have; nothing is overwritten, so it may come twice.

        Raises:
            InvalidInputError: the file cannot be read, or is no whole, unchanged export that the API knows.
        """
        path = Path(path)
        headers = {"content-type": "application/gzip"}
        call = Call("POST", "/v1/import", TRANSFER_TIMEOUT_S, is_repeatable=True, headers=headers, body_file=path)
        try:
            _refuse_absent(path)
            return read(ImportReport, await self._exchange.send(call))
        except OSError as error:
            raise InvalidInputError(f"{path} cannot be read: {error.strerror or error}") from None

    async def clear_away(self, *, confirm: bool = False, older_than_days: float | None = None) -> GcReport:
        """What would be deleted of the project's ended jobs and of what belongs to no job; with ``confirm``, delete it.

        Args:
            confirm: whether to delete.
            older_than_days: days since the end of a job, in the place of the API's own setting.
        """
        asked = {"confirm": confirm, **({} if older_than_days is None else {"older_than_days": older_than_days})}
        headers = {"content-type": "application/json"}
        body = body_of(GcRequest, asked)
        call = Call("POST", "/v1/gc", TRANSFER_TIMEOUT_S, is_repeatable=True, headers=headers, body=body)
        return read(GcReport, await self._exchange.send(call))


def _refuse_present(path: Path) -> None:
    if path.exists():
        raise InvalidInputError(f"{path} is there already; give another name, or delete it first")


def _refuse_absent(path: Path) -> None:
    if not path.is_file():
        raise InvalidInputError(f"{path} is no file; give what `pmpo export` wrote")


def _counted(path: Path) -> dict[str, int]:
    """How many members each section of a whole export has. Raises UpstreamError: it is not whole."""
    from pmpo.runs.archive import Archive, Member

    counts: dict[str, int] = {}

    def count(member: Member) -> None:
        counts[member.section] = counts.get(member.section, 0) + 1

    try:
        with path.open("rb") as file:
            Archive(file, _MOST_BYTES).check(count)
    except InvalidInputError as error:
        raise UpstreamError(f"the export did not arrive whole ({error.message}); try again") from None
    return counts
