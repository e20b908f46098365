"""Between two calls: where a search lets go of its job when it is paused or its worker is asked to stop."""

from __future__ import annotations


class LetGoError(Exception):
    """The search was asked to let go of its job; every answer so far is in the journal."""


class Gate:
    """Open as long as the search may ask its models. The call at hand is never touched by it."""

    def __init__(self) -> None:
        self.is_paused = False
        self._is_draining = False

    def set_paused(self, is_paused: bool) -> None:
        """A pause closes the gate, and its end opens it again for a search that has not come to it meanwhile."""
        self.is_paused = is_paused

    def drain(self) -> None:
        """Close the gate for good."""
        self._is_draining = True

    def check(self) -> None:
        """Raises LetGoError when the gate is closed."""
        if self.is_paused or self._is_draining:
            raise LetGoError
