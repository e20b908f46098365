"""What an export consists of: each kind of thing is a section that writes and restores its own members."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, Protocol

from pydantic import ValidationError

from pmpo.contracts.problems import refusal
from pmpo.runs.archive import Member

Outcome = Literal["added", "present", "differs"]
"""What an import did with a member: it was not there; it was, and the same; it was, differs, and was left as it is."""


class Section(Protocol):
    """One kind of thing. An import restores the sections in the order in which they are listed."""

    @property
    def name(self) -> str:
        """The folder of its members: small letters and underscores."""
        ...

    def members(self, project: str) -> AsyncIterator[Member]:
        """All things of a project, one at a time, each as it stood at one moment.

        Raises:
            StoreUnavailableError: Redis does not answer.
        """
        ...

    def check(self, member: Member) -> str | None:
        """Why ``restore`` cannot take a member; None when it can. Called in a thread, for all before one is restored.

        Raises:
            InvalidInputError: it is nothing that an export has, so that the whole export is not what was written.
        """
        ...

    async def restore(self, project: str, member: Member) -> Outcome:
        """Make the thing of a checked member in a project, in one step, unless there is one of its name."""
        ...


def reason_of(error: Exception) -> str:
    """What an error says, in half a sentence."""
    if isinstance(error, ValidationError):
        return refusal(error.errors()).message
    return (str(error) or type(error).__name__).splitlines()[0]
