"""The operator's endpoint table as the terms of one job."""

from __future__ import annotations

from collections.abc import Mapping

from pmpo.contracts.jobs import JobSpec
from pmpo.remote.prices import prices_of
from pmpo.runs.terms import JobTerms, job_terms
from pmpo.runtime.endpoints import Endpoint, endpoint


def terms_of(table: Mapping[str, Endpoint], job: JobSpec) -> JobTerms:
    """What the table says of the job's models now; the job's own template arguments go before it, for its targets.

    Raises:
        InvalidInputError: a name that is not in the table.
    """
    models = job.models
    names = {*models.targets, models.rewriter}
    arguments = {name: endpoint(table, name).chat_template_kwargs for name in names}
    return job_terms(job, prices_of(table, models.targets, models.rewriter), arguments)
