"""A fold of events into what a person watches: how far, how good, how much spent."""

from __future__ import annotations

from pmpo.contracts.jobs import Progress
from pmpo.optim.events import (
    EvaluationFinished,
    Event,
    IncumbentAccepted,
    IterationFinished,
    IterationStarted,
    PromptEvaluated,
    RationalesFinished,
    SearchFinished,
    SearchRestarted,
    SearchStarted,
    Spent,
)


def advance(progress: Progress, event: Event) -> Progress:
    """Where the job stands after ``event``. Events that move nothing give ``progress`` back unchanged."""
    changes: dict[str, float | None]
    match event:
        case SearchStarted():
            losses = _losses(event.train_loss, event.validation_loss)
            changes = {"max_iterations": event.max_iterations, "train_loss_before": event.train_loss, **losses}
        case IterationStarted():
            changes = {"iteration": event.iteration, "train_loss": event.train_loss, **_spent(event.spent)}
        case IncumbentAccepted() | SearchRestarted():
            changes = _losses(event.train_loss, event.validation_loss)
        case IterationFinished():
            changes = {**_losses(event.train_loss, event.validation_loss), **_spent(event.spent)}
        case SearchFinished(result=result):
            losses = _losses(result.train_loss_after, result.validation_loss_after)
            changes = {"iteration": result.num_iterations, **losses, **_spent(result.spent)}
        case RationalesFinished(spent=spent) | EvaluationFinished(spent=spent):
            changes = _spent(spent)
        case PromptEvaluated():
            changes = {"iteration": event.place, "max_iterations": event.num_prompts, **_spent(event.spent)}
        case _:
            return progress
    return progress.model_copy(update=changes)


def best_prompt_after(event: Event) -> str | None:
    """The best prompt known, when ``event`` names it; else None."""
    match event:
        case SearchStarted(seed=candidate):
            return candidate.prompt
        case IncumbentAccepted(candidate=candidate, is_best=True) | SearchRestarted(candidate=candidate, is_best=True):
            return candidate.prompt
        case SearchFinished(result=result):
            return result.best.prompt
        case _:
            return None


def _losses(train: float, validation: float) -> dict[str, float | None]:
    return {"train_loss": train, "validation_loss": validation}


def _spent(spent: Spent) -> dict[str, float | None]:
    return {
        "scored_tokens": spent.scored_tokens,
        "computed_tokens": spent.computed_tokens,
        "generated_tokens": spent.generated_tokens,
        "seconds": spent.seconds,
        "money": spent.money,
    }
