"""Where a job stands, rebuilt from its events. No clock and no printing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pmpo.contracts.jobs import EventView
from pmpo.contracts.sections import BudgetSpec

_BARS = "▁▂▃▄▅▆▇█"


@dataclass(slots=True)
class JobProgress:
    """What a watcher knows. Losses are the incumbent's, in the job's unit; the first is the seed prompt's.

    ``iteration`` and ``max_iterations`` count rounds, or ``steps`` of another name.
    """

    iteration: int = 0
    max_iterations: int = 0
    train_losses: list[float] = field(default_factory=list)
    validation_loss: float | None = None
    has_accepted: bool = False
    num_accepted: int = 0
    scored_tokens: int = 0
    generated_tokens: int = 0
    seconds: float = 0.0
    money: float | None = None
    rejected: Counter[str] = field(default_factory=Counter)
    last_number: int = 0
    steps: str = "round"
    num_finished: int = 0

    @property
    def loss_before(self) -> float | None:
        """The seed prompt's training loss; None before it was scored."""
        return self.train_losses[0] if self.train_losses else None

    @property
    def loss_now(self) -> float | None:
        """The incumbent's training loss."""
        return self.train_losses[-1] if self.train_losses else None

    def apply(self, event: EventView) -> None:
        """Take in one event; kinds that say nothing about progress are passed over."""
        self.last_number = event.number
        data = event.data
        match event.kind:
            case "search_started":
                self.max_iterations = int(data["max_iterations"])
                self.train_losses = [float(data["train_loss"])]
                self.validation_loss = float(data["validation_loss"])
            case "iteration_started":
                self.iteration = int(data["iteration"])
                self._spend(data["spent"])
            case "iteration_finished":
                self.num_finished += 1
                self.has_accepted = bool(data["accepted"])
                self.num_accepted += self.has_accepted
                self.train_losses.append(float(data["train_loss"]))
                self.validation_loss = float(data["validation_loss"])
                self._spend(data["spent"])
            case "rewrite_rejected" | "candidate_dropped":
                self.rejected[str(data["reason"])] += 1
            case "prompt_evaluated":
                self.steps = "prompt"
                self.iteration, self.max_iterations = int(data["place"]), int(data["num_prompts"])
                self._spend(data["spent"])
            case "search_finished":
                self._spend(data["result"]["spent"])

    def most_left_s(self, budget: BudgetSpec) -> float | None:
        """Seconds that the rounds left take at the pace so far, unless the budget ends first; None after no round.

        A search may stop sooner, so this is a bound and no forecast.
        """
        if not self.num_finished or not self.seconds:
            return None
        bounds = [self.seconds / self.num_finished * (self.max_iterations - self.num_finished)]
        for used, cap in (
            (self.scored_tokens, budget.scored_tokens),
            (self.generated_tokens, budget.generated_tokens),
            (self.money, budget.money),
        ):
            if used and cap is not None:
                bounds.append(self.seconds * (cap / used - 1.0))
        if budget.seconds is not None:
            bounds.append(budget.seconds - self.seconds)
        return max(0.0, min(bounds))

    def _spend(self, spent: dict[str, float]) -> None:
        self.scored_tokens = int(spent["scored_tokens"])
        self.generated_tokens = int(spent["generated_tokens"])
        self.seconds = float(spent["seconds"])
        self.money = spent.get("money")


def sparkline(values: list[float], max_width: int = 12) -> str:
    """The last values as bars from the lowest to the highest of them all; empty for fewer than two."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    step = (high - low) / (len(_BARS) - 1) or 1.0
    return "".join(_BARS[round((value - low) / step)] for value in values[-max_width:])
