"""The one place that starts a search: for the worker, for ``--local`` and for estimates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from pmpo.contracts.jobs import JobSpec
from pmpo.data.metrics import grader_for
from pmpo.data.rationales import AnswerReader
from pmpo.optim.compress import compress
from pmpo.optim.events import Event
from pmpo.optim.journal import SearchPorts
from pmpo.optim.rationalize import rationalize
from pmpo.optim.search import search
from pmpo.optim.types import Splits
from pmpo.runs.jobspec import search_spec
from pmpo.runs.modes import deletion_rule, rationale_rule


def drive(job: JobSpec, splits: Splits, ports: SearchPorts) -> AsyncIterator[Event]:
    """The events of the job, by its kind, graded by the job's metric (``ports.grader`` is replaced).

    Args:
        job: what to do.
        splits: made once per job, and stored.
        ports: the world; ``replay`` holds the journal of an earlier attempt.

    Raises:
        PmpoError: see ``pmpo.optim.search.search``.
    """
    graded = replace(ports, grader=grader_for(job.metric))
    if job.kind == "compress":
        return compress(search_spec(job), deletion_rule(job), splits, graded)
    if job.kind == "rationalize":
        return rationalize(rationale_rule(job), splits.train, AnswerReader(job.metric), graded)
    return search(search_spec(job), splits, graded)
