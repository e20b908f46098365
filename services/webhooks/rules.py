"""Whether a job's webhook can be called at all: what the API checks before it takes the job."""

from __future__ import annotations

from dataclasses import dataclass, field

from pmpo.errors import InvalidInputError
from services.webhooks.secrets import VARIABLE
from services.webhooks.targets import WebhookTargets


@dataclass(frozen=True, slots=True)
class WebhookRules:
    """``can_sign``: whether there is a secret to sign with."""

    targets: WebhookTargets = field(default_factory=WebhookTargets)
    can_sign: bool = False

    def check(self, url: str) -> None:
        """Refuse a webhook that would never be called.

        Raises:
            InvalidInputError: there is no secret, or the URL is none that may be called.
        """
        if not self.can_sign:
            raise InvalidInputError(
                f"webhook: this service calls none, because {VARIABLE} is not set; set it for API and workers, or "
                "leave the key out and ask for the job's state with GET /v1/jobs/ID?wait=30 or `pmpo watch ID`"
            )
        self.targets.check_url(url)
