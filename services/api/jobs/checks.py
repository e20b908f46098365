"""What a job must pass before it is saved: its webhook, the names of its models, and what every job must pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pmpo.contracts.estimates import EstimateView
from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.scoring import TemplateArguments
from pmpo.optim.several import SeveralCounters
from pmpo.runs.checks import CheckedJob, TokenCounter, checked_job, estimated_job
from pmpo.runs.modes import check_mode
from pmpo.runs.terms import JobTerms
from pmpo.runtime.endpoints import Endpoint
from services.api.jobs.terms import terms_of
from services.webhooks.rules import WebhookRules

Connect = Callable[[Endpoint, TemplateArguments], TokenCounter]
NO_WEBHOOKS = WebhookRules()


class JobChecks:
    """The checks, cheap ones first."""

    def __init__(
        self, endpoints: Mapping[str, Endpoint], connect: Connect, webhooks: WebhookRules = NO_WEBHOOKS
    ) -> None:
        self._endpoints = endpoints
        self._connect = connect
        self._webhooks = webhooks

    async def check(self, spec: JobSpec) -> CheckedJob:
        """Split the data and see that a search can begin.

        Raises:
            InvalidInputError: what is wrong, where, and what to do.
            ScorerUnavailableError: the target's scorer cannot be asked for token counts.
        """
        check_mode(spec)
        if spec.webhook is not None:
            self._webhooks.check(spec.webhook)
        terms = terms_of(self._endpoints, spec)
        return await checked_job(spec, terms, self._counter(terms))

    async def estimate(self, spec: JobSpec) -> EstimateView:
        """What the job would use; a budget that is too small is no obstacle. Raises as ``check`` does."""
        terms = terms_of(self._endpoints, spec)
        return await estimated_job(spec, terms, self._counter(terms))

    def _counter(self, terms: JobTerms) -> TokenCounter:
        counters = [self._connect(self._endpoints[name], given) for name, given in terms.target_arguments.items()]
        return counters[0] if len(counters) == 1 else SeveralCounters(counters)
