"""The result of a search on the wire, made from its events."""

from __future__ import annotations

from collections.abc import Sequence

from pmpo.contracts.jobs import ModelView, RejectionView, ResultView, SplitSizes, TestView
from pmpo.contracts.objectives import ObjectiveSpec
from pmpo.errors import ConflictError
from pmpo.optim.events import (
    CandidateDropped,
    CandidateProposed,
    Event,
    RewriteRejected,
    SearchFinished,
    TestComparison,
)
from pmpo.optim.types import ModelIdentity
from pmpo.runs.few_shot import demonstrations_view
from pmpo.runs.flat_pairs import flat_pair_views
from pmpo.runs.modes import compression_view
from pmpo.runs.objectives import objective_view


def result_view(
    job_id: str,
    name: str,
    events: Sequence[Event],
    splits: SplitSizes,
    identity: ModelIdentity | None,
    *,
    objective: ObjectiveSpec,
) -> ResultView:
    """What the job found.

    Args:
        job_id: the job.
        name: what its owner calls it.
        events: all events of its search, in order.
        splits: rows of each set.
        identity: what its scores came from.
        objective: what it minimised.

    Raises:
        ConflictError: the search has not come to its end.
    """
    finished = next((event for event in reversed(events) if isinstance(event, SearchFinished)), None)
    if finished is None:
        raise ConflictError(f"the search of job {job_id} has not come to its end, so it has no result; wait for it")
    result, spent = finished.result, finished.result.spent
    return ResultView(
        job_id=job_id,
        name=name,
        stop_reason=result.stop_reason,
        verdict=result.verdict,
        prompt_before=result.seed.prompt,
        prompt_after=result.best.prompt,
        train_loss_before=result.train_loss_before,
        train_loss_after=result.train_loss_after,
        validation_loss_before=result.validation_loss_before,
        validation_loss_after=result.validation_loss_after,
        test=test_view(result.test),
        num_iterations=result.num_iterations,
        num_accepted=result.num_accepted,
        num_candidates=sum(isinstance(event, CandidateProposed) and event.iteration > 0 for event in events),
        rejected=rejections(events),
        splits=splits,
        scored_tokens=spent.scored_tokens,
        computed_tokens=spent.computed_tokens,
        generated_tokens=spent.generated_tokens,
        seconds=spent.seconds,
        model=model_view(identity),
        objective=objective_view(objective),
        flat_pairs=flat_pair_views(events, objective),
        detail=result.detail,
        money=spent.money,
        num_restarts=result.num_restarts,
        num_seeds=result.num_seeds,
        best_seed=result.best.id + 1 if result.best.parent_id is None else None,
        compression=compression_view(result.compression),
        demonstrations=demonstrations_view(result.demonstrations),
    )


def rejections(events: Sequence[Event]) -> list[RejectionView]:
    """Every rewrite that a guard refused and every candidate that lost, in order, with its reason."""
    prompts = {event.candidate.id: event.candidate.prompt for event in events if isinstance(event, CandidateProposed)}
    views = []
    for event in events:
        if isinstance(event, RewriteRejected):
            prompt = event.text
        elif isinstance(event, CandidateDropped):
            prompt = prompts[event.candidate_id]
        else:
            continue
        views.append(RejectionView(prompt=prompt, reason=event.reason, detail=event.detail, iteration=event.iteration))
    return views


def test_view(test: TestComparison | None) -> TestView | None:
    """The final test on the wire, without its losses row by row."""
    if test is None:
        return None
    return TestView(
        num_examples=test.num_examples,
        loss_before=test.loss_before,
        loss_after=test.loss_after,
        difference=test.difference,
        interval=test.interval,
        p_value=test.p_value,
        accuracy_before=test.accuracy_before,
        accuracy_after=test.accuracy_after,
        preferred_before=test.preferred_before,
        preferred_after=test.preferred_after,
    )


def model_view(identity: ModelIdentity | None) -> ModelView | None:
    """The model that scores came from, on the wire."""
    if identity is None:
        return None
    return ModelView(model=identity.model, revision=identity.revision, dtype=identity.dtype, engine=identity.engine)
