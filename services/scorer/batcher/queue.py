"""Who is next: lines of jobs that take turns, by tokens, however many requests and tokens each of them brings.

Deficit round robin (Shreedhar and Varghese, "Efficient Fair Queuing using Deficit Round Robin", SIGCOMM 1995). Every
job has a line and a credit. The job in front spends its credit; when its next piece costs more than is left, the credit
grows by one quantum and the job goes behind the others. Within a line, requests take turns in the same way, and keep
theirs until they have taken something. So between two turns of a job every other one gets at most one quantum and one
piece, whoever comes in meanwhile stands behind it, and nobody waits for another's million tokens.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar


class Queued(Protocol):
    """A request that is taken piece by piece."""

    @property
    def job(self) -> str:
        """Whose line it stands in."""
        ...

    @property
    def is_taken(self) -> bool:
        """Whether nothing of it is left to take: all pieces are out, or nobody waits for the answer any more."""
        ...

    @property
    def next_cost(self) -> int:
        """Tokens of its next piece, at least 1."""
        ...


W = TypeVar("W", bound=Queued)


@dataclass(slots=True)
class _Line(Generic[W]):
    """The requests of one job.

    Attributes:
        credit: what it may still take in this turn; below zero it has taken ahead.
        works: in the order of their turns.
        has_taken: whether the first of them has taken something since it came to the front.
    """

    credit: int
    works: deque[W] = field(default_factory=deque)
    has_taken: bool = False

    def head(self) -> W | None:
        """The request whose turn it is; requests of which nothing is left to take are dropped."""
        while self.works and self.works[0].is_taken:
            self.works.popleft()
            self.has_taken = False
        return self.works[0] if self.works else None


class FairQueue(Generic[W]):
    """Requests by job. ``quantum`` is what a job may take in a turn, in tokens."""

    def __init__(self, quantum: int) -> None:
        self._quantum = quantum
        self._lines: OrderedDict[str, _Line[W]] = OrderedDict()

    @property
    def num_jobs(self) -> int:
        """Jobs of which something waits, or was cancelled and is not dropped yet."""
        return len(self._lines)

    def put(self, work: W) -> None:
        """Put a request at the end of its job's line. A new line stands behind all others."""
        line = self._lines.get(work.job)
        if line is None:
            line = self._lines[work.job] = _Line(self._quantum)
        line.works.append(work)

    def put_back(self, work: W) -> None:
        """Let a request wait whose pieces are to be taken again; it may still stand in the line."""
        line = self._lines.get(work.job)
        if line is None or work not in line.works:
            self.put(work)

    def head(self) -> W | None:
        """The request whose next piece is to be taken; None when nothing waits. Turns end in here, nothing is taken."""
        while self._lines:
            name, line = next(iter(self._lines.items()))
            work = line.head()
            if work is None:
                del self._lines[name]
            elif work.next_cost > line.credit:
                self._end_turn(name, line)
            else:
                return work
        return None

    def charge(self, work: W, cost: int) -> None:
        """Take ``cost`` from the credit of the request's job."""
        line = self._lines.get(work.job)
        if line is not None:
            line.credit -= cost
            line.has_taken = True

    def drain(self) -> list[W]:
        """Take out every request."""
        works = [work for line in self._lines.values() for work in line.works]
        self._lines.clear()
        return works

    def _end_turn(self, name: str, line: _Line[W]) -> None:
        line.credit += self._quantum
        if line.has_taken:  # else the first one saves for its piece; others would spend what it has saved
            line.works.rotate(-1)
            line.has_taken = False
        self._lines.move_to_end(name)
