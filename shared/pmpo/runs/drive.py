"""The one place that starts a job's algorithm: for the worker, for ``--local`` and for estimates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from pmpo.baselines.compete import compete
from pmpo.contracts.jobs import JobSpec
from pmpo.data.metrics import grader_for
from pmpo.data.rationales import AnswerReader
from pmpo.optim.compress import compress
from pmpo.optim.evaluate import evaluate
from pmpo.optim.events import Event
from pmpo.optim.journal import SearchPorts
from pmpo.optim.rationalize import rationalize
from pmpo.optim.search import search
from pmpo.optim.types import Prices, Splits
from pmpo.runs.jobspec import search_spec, seeds_of
from pmpo.runs.modes import deletion_rule, rationale_rule
from pmpo.runs.rivals import rival_in, rival_spec


def drive(job: JobSpec, splits: Splits, ports: SearchPorts, prices: Prices | None = None) -> AsyncIterator[Event]:
    """The events of the job, by its kind: of its search, or of the rival that ``optimizer.algorithm`` names.

    Answers are graded by the job's metric (``ports.grader`` is replaced).

    Args:
        job: what to do.
        splits: made once per job, and stored.
        ports: the world; ``replay`` holds the journal of an earlier attempt.
        prices: what the job's models cost; the same on every attempt, or a cap on money may end it elsewhere.

    Raises:
        PmpoError: see ``pmpo.optim.search.search`` and ``pmpo.baselines.compete.compete``.
    """
    graded = replace(ports, grader=grader_for(job.metric))
    if job.kind == "rationalize":
        return rationalize(rationale_rule(job), splits.train, AnswerReader(job.metric), graded)
    if job.kind == "compress":
        return compress(search_spec(job, prices), deletion_rule(job), splits, graded)
    if job.kind == "evaluate":
        return evaluate(search_spec(job, prices), seeds_of(job), splits.test, graded)
    rival = rival_in(job)
    if rival is None:
        return search(search_spec(job, prices), splits, graded)
    return compete(rival, rival_spec(job, prices), splits, graded)
