"""The ledger: what a search has spent, what is reserved, and the promise that no cap is exceeded."""

from __future__ import annotations

from dataclasses import dataclass, field

from pmpo.errors import BudgetTooSmallError
from pmpo.optim.events import Spent
from pmpo.optim.spec import BudgetCaps


@dataclass(frozen=True, slots=True)
class Reservation:
    """Tokens set aside before a call: an upper bound of what it can use."""

    scored_tokens: int = 0
    generated_tokens: int = 0


@dataclass(slots=True)
class Ledger:
    """Counts tokens. Reserve before a call, settle after it; a reservation that does not fit is refused."""

    caps: BudgetCaps
    scored_tokens: int = 0
    computed_tokens: int = 0
    generated_tokens: int = 0
    _held: list[Reservation] = field(default_factory=list)

    def has_room(self, wanted: Reservation) -> bool:
        """Whether ``wanted`` fits beside what is spent and held."""
        scored = self.scored_tokens + sum(held.scored_tokens for held in self._held) + wanted.scored_tokens
        generated = self.generated_tokens + sum(held.generated_tokens for held in self._held) + wanted.generated_tokens
        return _within(scored, self.caps.scored_tokens) and _within(generated, self.caps.generated_tokens)

    def try_reserve(self, wanted: Reservation) -> Reservation | None:
        """Hold ``wanted``; None when a cap does not allow it."""
        if not self.has_room(wanted):
            return None
        self._held.append(wanted)
        return wanted

    def release(self, held: Reservation) -> None:
        """Give a reservation back unused, or before settling its true cost."""
        for position, candidate in enumerate(self._held):
            if candidate is held:
                del self._held[position]
                return
        raise ValueError("this reservation is not held")

    def settle(self, held: Reservation, *, scored: int = 0, computed: int = 0, generated: int = 0) -> None:
        """Replace a reservation by what was really used. Using more than was reserved is a bug, and raises."""
        if scored > held.scored_tokens or generated > held.generated_tokens:
            raise AssertionError(f"used {scored} scored and {generated} generated tokens of {held}")
        self.release(held)
        self.scored_tokens += scored
        self.computed_tokens += computed
        self.generated_tokens += generated

    def spent(self, seconds: float) -> Spent:
        """A snapshot for events."""
        return Spent(self.scored_tokens, self.computed_tokens, self.generated_tokens, seconds)


def require(caps: BudgetCaps, needed: Reservation) -> None:
    """Refuse a budget that does not cover the final test and one iteration.

    Raises:
        BudgetTooSmallError: names each cap that is too small and the smallest one that would do.
    """
    short = []
    if not _within(needed.scored_tokens, caps.scored_tokens):
        short.append(f"scored_tokens {caps.scored_tokens} (at least {needed.scored_tokens})")
    if not _within(needed.generated_tokens, caps.generated_tokens):
        short.append(f"generated_tokens {caps.generated_tokens} (at least {needed.generated_tokens})")
    if short:
        raise BudgetTooSmallError(
            f"the budget does not cover the final test and one iteration: {'; '.join(short)}; raise it, or lower "
            "max_prompt_tokens, max_answer_tokens or the number of rows"
        )


def _within(used: int, cap: int | None) -> bool:
    return cap is None or used <= cap
