"""Follow a job to its end, on the screen and across lost connections."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console

from pmpo.cli import words
from pmpo.cli.console import busy, on_one_line, print_json, print_words, shown, stderr_console, stdout_console
from pmpo.cli.evaluations import print_evaluation
from pmpo.cli.exits import INTERRUPTED, JobError, about_job
from pmpo.cli.live import GAIN, Display, display_for
from pmpo.cli.progress import JobProgress
from pmpo.cli.rationales import print_rationales
from pmpo.cli.report import print_result
from pmpo.cli.summary import summary
from pmpo.client import Client
from pmpo.contracts.jobs import JobCreated, JobFailure, JobSpec, JobView
from pmpo.contracts.modes import KINDS_WITH_A_WINNER
from pmpo.contracts.sections import BudgetSpec
from pmpo.errors import PmpoError, UnavailableError

Show = Callable[[Client, JobView], None]
MAX_LOSSES = 8
MAX_LINE = 79
GAINS = {"compress": "a shorter prompt"}  # what a round that brought something brought, by the kind of job


@dataclass(frozen=True, slots=True)
class Watcher:
    """How a command shows a job.

    Attributes:
        console: where progress goes; None for nowhere.
        how_to_go_on: the end of a sentence that starts with the lost job; takes the job's id.
        as_json: whether the result is one JSON object.
        beginning: what is under way until the job is taken, where that takes a moment.
        is_passing: whether the job and its services end with the command, and what they registered with them.
    """

    console: Console | None
    how_to_go_on: Callable[[str], str]
    as_json: bool
    beginning: str = ""
    is_passing: bool = False

    def run_to_end(
        self, client: Client, spec: JobSpec, show: Show | None = None, created: JobCreated | None = None
    ) -> None:
        """Submit ``spec``, unless it was ``created`` already; follow it, print its result, or do what ``show`` does.

        Raises:
            PmpoError: the job was not taken.
            JobError: it failed, was cancelled, or was lost out of sight.
        """
        if created is None:
            with busy(self.console if self.beginning else None, self.beginning):
                created = client.create_job(spec)
        with self._told_when_stopped(created.id):
            self._announce(spec, created)
            self._to_end(client, created.id, spec.kind, spec.budget, show)

    def follow_to_end(self, client: Client, job_id: str, show: Show | None = None) -> None:
        """Follow a job that somebody submitted, from its first event on; then as ``run_to_end``."""
        with self._told_when_stopped(job_id):
            job = client.get_job(job_id)
            if self.console is not None:
                print_words(self.console, f"Job {job.id}: {shown(job.name)}")
                print_words(self.console, f"  rows     {words.splits(job.splits)}\n")
            self._to_end(client, job.id, job.kind, _budget(client, job), show)

    @contextlib.contextmanager
    def _told_when_stopped(self, job_id: str) -> Iterator[None]:
        try:
            with about_job(job_id):
                yield
        except KeyboardInterrupt:
            what = "stopped" if self.is_passing else "stopped watching"
            sentence = f"{what} job {job_id}; {self.how_to_go_on(job_id)}"
            raise JobError(sentence, job_id=job_id, code="interrupted", status=INTERRUPTED) from None

    def _to_end(self, client: Client, job_id: str, kind: str, budget: BudgetSpec, show: Show | None) -> None:
        job = self._follow(client, job_id, GAINS.get(kind, GAIN), budget)
        _refuse_failed(job)
        (show or self._show)(client, job)

    def _announce(self, spec: JobSpec, created: JobCreated) -> None:
        if self.console is not None:
            width = min(self.console.width, MAX_LINE) - 11
            lines = (
                f"Job {created.id}: {shown(spec.name)}",
                f"  rows     {words.splits(created.splits)}",
                f"  prompt   {on_one_line(spec.prompt, width)}",
                *_first_row(spec, width),
                "",
            )
            for line in lines:
                print_words(self.console, line)
        for warning in created.warnings:
            stderr_console().print(f"warning: {shown(warning)}")

    def _follow(self, client: Client, job_id: str, gain: str, budget: BudgetSpec) -> JobView:
        try:
            with display_for(self.console, gain, budget) as display:
                return _Sight(client, job_id, display).follow()
        except PmpoError as error:
            if not error.retryable:
                raise
            raise UnavailableError(f"lost sight of job {job_id} ({error}); {self.how_to_go_on(job_id)}") from error

    def _show(self, client: Client, job: JobView) -> None:
        if self.is_passing:
            job = job.model_copy(update={"registered": None})
        if job.kind not in KINDS_WITH_A_WINNER:
            print_without_winner(client, job, as_json=self.as_json)
        elif self.as_json:
            print_json(dataclasses.asdict(summary(client.result(job.id), job)))
        else:
            print_result(stdout_console(), client.result(job.id), job.registered)


def print_without_winner(client: Client, job: JobView, *, as_json: bool) -> None:
    """The result of a finished job that searches for no prompt."""
    if job.kind == "rationalize":
        print_rationales(client.rationales(job.id), as_json=as_json)
    else:
        print_evaluation(client.evaluation(job.id), as_json=as_json)


class _Sight:
    """One job on one display."""

    def __init__(self, client: Client, job_id: str, display: Display) -> None:
        self._client = client
        self._job_id = job_id
        self._display = display
        self._trouble: JobFailure | None = None

    def follow(self) -> JobView:
        """Show every event; the job as it ended."""
        progress = JobProgress()
        for event in self._client.iterate_events(
            self._job_id, max_losses=MAX_LOSSES, on_lost=self._on_lost, on_idle=self._on_idle
        ):
            progress.apply(event)
            self._display.show(event, progress)
        return self._client.wait(self._job_id, max_losses=MAX_LOSSES, on_lost=self._on_lost)

    def _on_lost(self, error: PmpoError, times: int) -> None:
        self._display.notice(f"{error}; trying again ({times} of {MAX_LOSSES})")

    def _on_idle(self) -> None:
        """Nothing happens: say why, once, if the worker met trouble and the job waits for another attempt."""
        with contextlib.suppress(PmpoError):
            trouble = self._client.get_job(self._job_id).failure
            if trouble is not None and trouble != self._trouble:
                self._display.notice(f"the last attempt failed and is made again: {shown(trouble.message)}")
            self._trouble = trouble


def _budget(client: Client, job: JobView) -> BudgetSpec:
    """The caps of a job that somebody else submitted: its report has them."""
    if job.kind not in KINDS_WITH_A_WINNER:
        return BudgetSpec()
    used = client.report(job.id).budget
    return BudgetSpec(
        scored_tokens=_whole(used.scored_tokens.cap),
        generated_tokens=_whole(used.generated_tokens.cap),
        seconds=used.seconds.cap,
        money=None if used.money is None else used.money.cap,
    )


def _whole(cap: float | None) -> int | None:
    return None if cap is None else int(cap)


def _first_row(spec: JobSpec, width: int) -> list[str]:
    """The first row to train on; of a stored data set its id."""
    if "train" in spec.dataset.ids:
        return [f"  data     {spec.dataset.ids['train']}"]
    first, wanted = spec.dataset.train[0], spec.fields.wanted(spec.objective.kind)
    return [
        f"  input    {on_one_line(str(first.get(spec.fields.input)), width)}",
        f"  wanted   {on_one_line(str(first.get(wanted)), width)}",
    ]


def _refuse_failed(job: JobView) -> None:
    if job.state == "failed":
        raise JobError(failure(job), job_id=job.id, code=job.failure.code if job.failure else "failed")
    if job.state == "cancelled":
        raise JobError(f"job {job.id} was cancelled, so it has no result", job_id=job.id, code="cancelled")


def failure(job: JobView) -> str:
    """Why ``job`` failed, in one sentence."""
    if job.failure is None:
        return f"job {job.id} failed and left no reason"
    return f"job {job.id} failed: {shown(job.failure.message)} ({job.failure.code})"
