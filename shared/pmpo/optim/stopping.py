"""When a search stops, and with which of its incumbents it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pmpo.optim.events import Candidate, StopReason
from pmpo.optim.spec import SearchSpec

MIN_PERFECT_ROWS = 5  # a few right answers by luck are no reason to stop
MAX_BARREN_ROUNDS = 10
MAX_DIVERGENCES = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a search stands between two rounds.

    Attributes:
        iteration: rounds so far.
        train_loss: the incumbent's.
        validation_accuracy: the incumbent's; None without a metric.
        num_validation: validation rows.
        rounds_without: rounds in a row without an acceptance, since the last restart.
        barren_rounds: rounds in a row in which the rewriter wrote nothing that passed the guards.
        num_divergences: see ``Divergence``.
    """

    iteration: int
    train_loss: float
    validation_accuracy: float | None
    num_validation: int
    rounds_without: int
    barren_rounds: int
    num_divergences: int


class StopRule(Protocol):
    """One reason to stop."""

    def reason(self, standing: Standing) -> StopReason | None:
        """None to go on."""
        ...


@dataclass(frozen=True, slots=True)
class Perfect:
    """Every answer to enough validation rows is right."""

    def reason(self, standing: Standing) -> StopReason | None:
        """``perfect``."""
        is_perfect = standing.validation_accuracy == 1.0 and standing.num_validation >= MIN_PERFECT_ROWS
        return "perfect" if is_perfect else None


@dataclass(frozen=True, slots=True)
class Target:
    """The training loss is low enough."""

    loss: float | None

    def reason(self, standing: Standing) -> StopReason | None:
        """``target``."""
        return "target" if self.loss is not None and standing.train_loss <= self.loss else None


@dataclass(frozen=True, slots=True)
class Diverged:
    """The loss fell and the accuracy fell, twice: the loss is no stand-in for the metric here."""

    def reason(self, standing: Standing) -> StopReason | None:
        """``diverged``."""
        return "diverged" if standing.num_divergences >= MAX_DIVERGENCES else None


@dataclass(frozen=True, slots=True)
class Rounds:
    """All rounds were used."""

    iterations: int

    def reason(self, standing: Standing) -> StopReason | None:
        """``iterations``."""
        return "iterations" if standing.iteration >= self.iterations else None


@dataclass(frozen=True, slots=True)
class Barren:
    """The rewriter wrote nothing usable ten rounds in a row, restarts or not."""

    def reason(self, standing: Standing) -> StopReason | None:
        """``no_rewrites``."""
        return "no_rewrites" if standing.barren_rounds >= MAX_BARREN_ROUNDS else None


@dataclass(frozen=True, slots=True)
class Patience:
    """Too many rounds in a row without an acceptance."""

    patience: int

    def reason(self, standing: Standing) -> StopReason | None:
        """``patience``; ``no_rewrites`` when none of those rounds had a candidate at all."""
        if standing.rounds_without < self.patience:
            return None
        return "no_rewrites" if standing.barren_rounds >= self.patience else "patience"


class StopRules:
    """The rules of one search, in the order in which they speak."""

    def __init__(self, spec: SearchSpec) -> None:
        self._patience = Patience(spec.patience)
        self._final: tuple[StopRule, ...] = (
            Perfect(),
            Target(spec.target_loss),
            Diverged(),
            Rounds(spec.iterations),
            Barren(),
        )

    def reason(self, standing: Standing) -> StopReason | None:
        """Why to stop before the next round; None to go on."""
        reasons = (rule.reason(standing) for rule in (*self._final, self._patience))
        return next((reason for reason in reasons if reason is not None), None)

    def may_restart(self, standing: Standing) -> bool:
        """Whether it is patience alone that ran out."""
        return self._patience.reason(standing) is not None and all(
            rule.reason(standing) is None for rule in self._final
        )


class Divergence:
    """Counts acceptances, whose loss fell by definition, after which the accuracy fell; one that raised it forgives."""

    def __init__(self) -> None:
        self.count = 0

    def note(self, before: float | None, after: float | None) -> None:
        """An incumbent of accuracy ``before`` made way for one of accuracy ``after``. None: there is no metric."""
        if before is None or after is None or after == before:
            return
        self.count = self.count + 1 if after < before else 0


@dataclass(frozen=True, slots=True)
class Incumbent:
    """A prompt that the search stood on, with its losses and, with a metric, its validation accuracy."""

    candidate: Candidate
    train_loss: float
    validation_loss: float
    accuracy: float | None


def best_of(incumbents: Sequence[Incumbent], stop: StopReason | None) -> Incumbent:
    """The incumbent that a search ends with.

    The lowest validation loss (then training loss) among those whose training loss is not above the first's, which is
    the seed prompt's; without restarts that is the last one. After ``diverged`` the highest accuracy, ties by loss;
    after ``perfect`` and ``target`` the last, because it is the one that reached it.

    Args:
        incumbents: in order; the first is the seed prompt.
        stop: why the search stops; None while it goes on.
    """
    if stop in ("perfect", "target"):
        return incumbents[-1]
    eligible = [found for found in incumbents if found.train_loss <= incumbents[0].train_loss]
    if stop == "diverged":
        return min(eligible, key=lambda found: (-(found.accuracy or 0.0), found.validation_loss, found.train_loss))
    return min(eligible, key=lambda found: (found.validation_loss, found.train_loss))
