"""Guards: rewrites that must never be scored. They reject, they never repair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pmpo.text.overlap import CopyDetector, normalised
from pmpo.text.placeholders import placeholders


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a rewrite is refused: a stable code, and a sentence."""

    reason: str
    detail: str


class Guard(Protocol):
    """One rule about a rewrite."""

    def check(self, rewrite: str, num_tokens: int) -> Rejection | None:
        """None when the rewrite may pass. ``num_tokens`` counts the rewrite alone."""
        ...


@dataclass(frozen=True, slots=True)
class PlaceholderGuard:
    """The rewrite holds exactly the seed prompt's placeholders, each as often as there."""

    seed_prompt: str

    def check(self, rewrite: str, num_tokens: int) -> Rejection | None:
        """Reason ``placeholders``: one is lost, added, renamed or repeated."""
        wanted, found = Counter(placeholders(self.seed_prompt)), Counter(placeholders(rewrite))
        if wanted == found:
            return None
        lost = ", ".join(f"{{{{{name}}}}}" for name in sorted((wanted - found).elements())) or "none"
        added = ", ".join(f"{{{{{name}}}}}" for name in sorted((found - wanted).elements())) or "none"
        return Rejection("placeholders", f"placeholders lost: {lost}; added: {added}")


@dataclass(frozen=True, slots=True)
class ProtectedGuard:
    """Every protected text stands in the rewrite, letter by letter, as often as in the seed prompt."""

    seed_prompt: str
    protected: tuple[str, ...]

    def check(self, rewrite: str, num_tokens: int) -> Rejection | None:
        """Reason ``protected_text``."""
        for text in self.protected:
            if rewrite.count(text) != self.seed_prompt.count(text):
                return Rejection("protected_text", f"the protected text {text!r} was changed, repeated or left out")
        return None


@dataclass(frozen=True, slots=True)
class LengthGuard:
    """The rewrite keeps the token limit."""

    max_tokens: int

    def check(self, rewrite: str, num_tokens: int) -> Rejection | None:
        """Reason ``too_long``."""
        if num_tokens <= self.max_tokens:
            return None
        return Rejection("too_long", f"{num_tokens} tokens, the limit is {self.max_tokens}")


@dataclass(frozen=True, slots=True)
class CopyGuard:
    """The rewrite quotes no data."""

    detector: CopyDetector

    def check(self, rewrite: str, num_tokens: int) -> Rejection | None:
        """Reason ``copies_data``."""
        copied = self.detector.find_copy(rewrite)
        return None if copied is None else Rejection("copies_data", f"copied from the data: {copied!r}")


@dataclass(slots=True)
class DuplicateGuard:
    """The rewrite is no prompt that is known already, white space and letter case aside. Remembers what passes."""

    known: set[str] = field(default_factory=set)

    def remember(self, prompt: str) -> None:
        """Make ``prompt`` known."""
        self.known.add(normalised(prompt))

    def check(self, rewrite: str, num_tokens: int) -> Rejection | None:
        """Reason ``duplicate``."""
        if normalised(rewrite) in self.known:
            return Rejection("duplicate", "equals a prompt that was tried already")
        return None


def first_rejection(guards: Sequence[Guard], rewrite: str, num_tokens: int) -> Rejection | None:
    """The first guard's refusal, in order; None when all let the rewrite pass."""
    for guard in guards:
        rejection = guard.check(rewrite, num_tokens)
        if rejection is not None:
            return rejection
    return None
