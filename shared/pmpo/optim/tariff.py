"""What calls cost: tokens of each kind, and their money in whole billionths of a thousandth, so that sums are exact."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from pmpo.optim.types import Prices

PICO = 10**12
_MILLION = 10**6


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a call may use at most, or what it did use: tokens, and money in units of 1e-12."""

    scored_tokens: int = 0
    generated_tokens: int = 0
    money_pico: int = 0

    def __add__(self, other: Reservation) -> Reservation:
        return Reservation(
            self.scored_tokens + other.scored_tokens,
            self.generated_tokens + other.generated_tokens,
            self.money_pico + other.money_pico,
        )

    def covers(self, used: Reservation) -> bool:
        """Whether ``used`` is no more than this, in every kind."""
        return (
            used.scored_tokens <= self.scored_tokens
            and used.generated_tokens <= self.generated_tokens
            and used.money_pico <= self.money_pico
        )


class Tariff:
    """Tokens to what they cost. Without prices nothing costs money."""

    def __init__(self, prices: Prices | None) -> None:
        self.prices = prices or Prices()

    @property
    def charges_prompts(self) -> bool:
        """Whether tokens that generators read cost anything."""
        return self.prices.rewriting_prompt > 0 or self.prices.answering_prompt > 0

    def scoring(self, tokens: int) -> Reservation:
        """``tokens`` scored."""
        return Reservation(scored_tokens=tokens, money_pico=tokens * _pico_per_token(self.prices.scored))

    def rewriting(self, written: int, read: int) -> Reservation:
        """``written`` tokens of rewrites and unit marks, after ``read`` tokens of meta-prompts."""
        money = written * _pico_per_token(self.prices.rewriting) + read * _pico_per_token(self.prices.rewriting_prompt)
        return Reservation(generated_tokens=written, money_pico=money)

    def answering(self, written: int, read: int) -> Reservation:
        """``written`` tokens of answers, after ``read`` tokens of prompts and inputs."""
        money = written * _pico_per_token(self.prices.answering) + read * _pico_per_token(self.prices.answering_prompt)
        return Reservation(generated_tokens=written, money_pico=money)


def money_cap_pico(cap: float) -> int:
    """A cap on money in units of 1e-12, rounded down."""
    return int((Decimal(repr(cap)) * PICO).to_integral_value(ROUND_FLOOR))


def _pico_per_token(price: float) -> int:
    """The price of a million tokens as that of one, in units of 1e-12, rounded up."""
    return int((Decimal(repr(price)) * PICO / _MILLION).to_integral_value(ROUND_CEILING))
