"""Export, import and clearing away on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool

from pmpo.contracts.jobs import JobState
from pmpo.contracts.sections import Strict


class UnreadableThing(Strict):
    """What an export holds whole, and the service cannot read; it was left out."""

    name: str
    reason: str


class SectionOutcome(Strict):
    """What an import did with one section of an export.

    Attributes:
        added: how many were not there.
        present: how many were there, and the same.
        differing: names of what is there and differs; it was left as it is. At most 100.
        num_differing: how many there are of those.
        unreadable: what this version cannot read, and why. At most 100.
        num_unreadable: how many there are of those.
    """

    added: int = 0
    present: int = 0
    differing: list[str] = Field(default_factory=list)
    num_differing: int = 0
    unreadable: list[UnreadableThing] = Field(default_factory=list)
    num_unreadable: int = 0


class ImportReport(Strict):
    """The answer to ``POST /v1/import``. ``exported_from`` is the project that the export was made of."""

    exported_from: str
    exported_at: str
    sections: dict[str, SectionOutcome]


class GcRequest(Strict):
    """``POST /v1/gc``. Without ``confirm`` nothing is deleted, and the answer says what would be.

    ``older_than_days`` stands in the place of ``PMPO_RETENTION_DAYS``.
    """

    confirm: StrictBool = False
    older_than_days: Annotated[float, Field(ge=0)] | None = None


class EndedJob(Strict):
    """A job that goes."""

    id: str
    name: str
    state: JobState
    ended_at: float


class GcReport(Strict):
    """What was deleted, or would be.

    Attributes:
        is_deleted: whether it was.
        num_jobs: ended jobs that were kept long enough, with all that belongs to them; ``jobs`` are the oldest 100.
        num_spared: those among them whose webhook is still to be called; they stay.
        num_events, num_journals: ended jobs that stay and lose these.
        num_orphans: keys and entries of no job; ``orphans`` are 100 of them.
    """

    is_deleted: bool
    num_jobs: int
    jobs: list[EndedJob]
    num_spared: int
    num_events: int
    num_journals: int
    num_orphans: int
    orphans: list[str]
