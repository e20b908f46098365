"""A result for a program: one flat object with the names that scripts and CI rely on."""

from __future__ import annotations

from dataclasses import dataclass

from pmpo.contracts.jobs import JobView, ResultView


@dataclass(frozen=True, slots=True)
class Summary:
    """``pmpo demo --json`` and ``pmpo optimize --json``. Losses in ``loss_unit``; null where untested.

    ``money`` is null where the models have no prices; ``best_seed`` where ``prompt_after`` is a rewrite. The prompt's
    tokens are counted where the job is about them (``kind: compress``), and null otherwise. ``registered_*`` are null
    where the winner became no version of the prompt registry.
    """

    job_id: str
    name: str
    state: str
    stop_reason: str
    verdict: str
    objective: str
    loss_unit: str
    train_loss_before: float
    train_loss_after: float
    validation_loss_before: float
    validation_loss_after: float
    test_loss_before: float | None
    test_loss_after: float | None
    test_difference: float | None
    test_interval: tuple[float, float] | None
    test_p_value: float | None
    test_accuracy_before: float | None
    test_accuracy_after: float | None
    test_preferred_before: float | None
    test_preferred_after: float | None
    prompt_before: str
    prompt_after: str
    prompt_tokens_before: int | None
    prompt_tokens_after: int | None
    iterations: int
    accepted: int
    candidates: int
    scored_tokens: int
    computed_tokens: int
    generated_tokens: int
    seconds: float
    money: float | None
    restarts: int
    best_seed: int | None
    registered_name: str | None
    registered_version: int | None


def summary(result: ResultView, job: JobView) -> Summary:
    """``result`` of ``job``, flat."""
    test = result.test
    return Summary(
        job_id=result.job_id,
        name=result.name,
        state=job.state,
        stop_reason=result.stop_reason,
        verdict=result.verdict,
        objective=result.objective.kind,
        loss_unit=result.objective.unit,
        train_loss_before=result.train_loss_before,
        train_loss_after=result.train_loss_after,
        validation_loss_before=result.validation_loss_before,
        validation_loss_after=result.validation_loss_after,
        test_loss_before=test.loss_before if test else None,
        test_loss_after=test.loss_after if test else None,
        test_difference=test.difference if test else None,
        test_interval=test.interval if test else None,
        test_p_value=test.p_value if test else None,
        test_accuracy_before=test.accuracy_before if test else None,
        test_accuracy_after=test.accuracy_after if test else None,
        test_preferred_before=test.preferred_before if test else None,
        test_preferred_after=test.preferred_after if test else None,
        prompt_before=result.prompt_before,
        prompt_after=result.prompt_after,
        prompt_tokens_before=result.compression.tokens_before if result.compression else None,
        prompt_tokens_after=result.compression.tokens_after if result.compression else None,
        iterations=result.num_iterations,
        accepted=result.num_accepted,
        candidates=result.num_candidates,
        scored_tokens=result.scored_tokens,
        computed_tokens=result.computed_tokens,
        generated_tokens=result.generated_tokens,
        seconds=result.seconds,
        money=result.money,
        restarts=result.num_restarts,
        best_seed=result.best_seed,
        registered_name=job.registered.name if job.registered else None,
        registered_version=job.registered.version if job.registered else None,
    )
