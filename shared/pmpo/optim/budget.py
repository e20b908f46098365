"""The ledger: what a search has spent, what is reserved, and the promise that no cap is exceeded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pmpo.errors import BudgetTooSmallError
from pmpo.optim.events import Spent
from pmpo.optim.spec import BudgetCaps
from pmpo.optim.tariff import PICO, Reservation, Tariff, money_cap_pico
from pmpo.optim.types import Prices


@dataclass(slots=True)
class Ledger:
    """Counts tokens and money. Reserve before a call, settle after it; a reservation that does not fit is refused.

    Calls may overlap: what is held counts against the caps like what is spent.
    """

    caps: BudgetCaps
    prices: Prices | None = None
    used: Reservation = field(default_factory=Reservation)
    computed_tokens: int = 0
    _held: list[Reservation] = field(default_factory=list)

    @property
    def tariff(self) -> Tariff:
        """What calls cost."""
        return Tariff(self.prices)

    @property
    def scored_tokens(self) -> int:
        """Scored so far."""
        return self.used.scored_tokens

    @property
    def generated_tokens(self) -> int:
        """Generated so far, by rewriter and target."""
        return self.used.generated_tokens

    def has_room(self, wanted: Reservation) -> bool:
        """Whether ``wanted`` fits beside what is spent and held."""
        return not list(exceeded(self.caps, sum(self._held, start=self.used + wanted)))

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

    def settle(self, held: Reservation, used: Reservation, *, computed: int = 0) -> None:
        """Replace a reservation by what was really used. Using more than was reserved is a bug, and raises.

        Money may exceed its reservation where no cap is on it.
        """
        allowed = held if self.caps.money is not None else replace(held, money_pico=used.money_pico)
        if not allowed.covers(used):
            raise AssertionError(f"used {used} of {held}")
        self.release(held)
        self.used += used
        self.computed_tokens += computed

    def spent(self, seconds: float) -> Spent:
        """A snapshot for events."""
        money = None if self.prices is None else self.used.money_pico / PICO
        return Spent(self.used.scored_tokens, self.computed_tokens, self.used.generated_tokens, seconds, money)


@dataclass(frozen=True, slots=True)
class ExceededCap:
    """A cap that something does not fit under: both as a user writes them."""

    name: str
    cap: str
    needed: str


def exceeded(caps: BudgetCaps, needed: Reservation) -> Iterator[ExceededCap]:
    """The caps that ``needed`` is above."""
    if caps.scored_tokens is not None and needed.scored_tokens > caps.scored_tokens:
        yield ExceededCap("scored_tokens", str(caps.scored_tokens), str(needed.scored_tokens))
    if caps.generated_tokens is not None and needed.generated_tokens > caps.generated_tokens:
        yield ExceededCap("generated_tokens", str(caps.generated_tokens), str(needed.generated_tokens))
    if caps.money is not None and needed.money_pico > money_cap_pico(caps.money):
        yield ExceededCap("money", f"{caps.money:g}", _rounded_up(needed.money_pico))


def shortage(caps: BudgetCaps, needed: Reservation) -> str:
    """Each cap that ``needed`` is above, with the smallest one that would do; empty when there is none."""
    return "; ".join(f"{found.name} {found.cap} (at least {found.needed})" for found in exceeded(caps, needed))


def require(caps: BudgetCaps, needed: Reservation, what: str = "the final test and one iteration") -> None:
    """Refuse a budget that does not cover ``what``, which needs ``needed``.

    Raises:
        BudgetTooSmallError: names each cap that is too small and the smallest one that would do.
    """
    short = shortage(caps, needed)
    if short:
        raise BudgetTooSmallError(
            f"the budget does not cover {what}: {short}; raise it, or lower "
            "max_prompt_tokens, max_answer_tokens or the number of rows"
        )


def _rounded_up(money_pico: int) -> str:
    """Money with six decimals, rounded up, so that what is named as enough is enough."""
    return f"{-(-money_pico // 10**6) / 10**6:.6f}"
