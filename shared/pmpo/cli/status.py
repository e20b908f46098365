"""What ``pmpo status`` says of a job: names and values, those that its kind has."""

from __future__ import annotations

from pmpo.cli import words
from pmpo.cli.console import shown
from pmpo.contracts.jobs import JobView
from pmpo.contracts.modes import KINDS_WITH_A_WINNER

Line = tuple[str, str]
ALL_TRIED = {"evaluate": "every prompt was measured", "rationalize": "every row was tried"}


def describe(job: JobView) -> list[Line]:
    """What `pmpo status` says, as names and values."""
    progress = job.progress
    lines = [
        ("job", f"{job.id} ({shown(job.name)})"),
        ("state", _state(job)),
        ("rows", words.splits(job.splits)),
        *_way(job),
        ("tokens", f"{progress.scored_tokens:,} scored, {progress.generated_tokens:,} generated"),
        ("time", words.seconds(progress.seconds)),
    ]
    if progress.money is not None:
        lines.append(("cost", words.money(progress.money)))
    lines += [*_end(job), *_trouble(job)]
    if job.webhook is not None:
        detail = f": {shown(job.webhook.detail)}" if job.webhook.detail else ""
        lines.append(("webhook", f"{job.webhook.state}{detail}"))
    if progress.iteration and _is_search(job):
        lines.append(("best prompt", shown(job.best_prompt)))
    lines += [("warning", shown(warning)) for warning in job.warnings]
    return lines


def _is_search(job: JobView) -> bool:
    return job.kind in KINDS_WITH_A_WINNER


def _state(job: JobView) -> str:
    """A job that was paused, or whose worker went, is taken up again; only one that met trouble is attempted again."""
    if job.attempts < 2:
        return job.state
    return f"{job.state}, attempt {job.attempts}" if job.failure else f"{job.state}, taken up {job.attempts} times"


def _way(job: JobView) -> list[Line]:
    """How far the job came."""
    progress = job.progress
    place = f"{progress.iteration} of {progress.max_iterations}"
    if _is_search(job):
        losses = f"{words.loss(progress.train_loss_before)} → {words.loss(progress.train_loss)}"
        return [("round", place), ("train loss", losses)]
    return [("prompts", f"{place} measured")] if progress.max_iterations else []


def _end(job: JobView) -> list[Line]:
    """Why it ended, and what that is worth."""
    lines = []
    if job.stop_reason:
        told = ALL_TRIED.get(job.kind) if job.stop_reason == "all_tried" else None
        lines.append(("stopped", told or words.stop_reason(job.stop_reason)))
    if job.verdict and _is_search(job):
        lines.append(("verdict", job.verdict))
    if job.registered:
        lines.append(("registry", "; ".join([words.version(job.registered), *words.kept_labels(job.registered)])))
    return lines


def _trouble(job: JobView) -> list[Line]:
    if job.failure is None:
        return []
    told = f"{shown(job.failure.message)} ({job.failure.code})"
    return [("failure", told)] if job.state == "failed" else [("trouble", f"{told}; it is tried again")]
