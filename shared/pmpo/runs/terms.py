"""The terms that a job was taken on: what the operator's endpoint table said of its models when it came in.

They are stored with the job, so that a later change of the table changes neither its ledger nor what its models read:
scores from before and after would not compare.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, ValidationError

from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.scoring import TemplateArguments
from pmpo.errors import JournalMismatchError
from pmpo.optim.types import Prices


class JobTerms(BaseModel):
    """What holds for a job from its first to its last attempt.

    Attributes:
        prices: what its models cost; None where the table lacks those of one of them.
        target_arguments: for the chat template of each target, by the target's name.
        rewriter_arguments: for the rewriter's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prices: Prices | None = None
    target_arguments: dict[str, TemplateArguments] = {}
    rewriter_arguments: TemplateArguments = {}


def job_terms(job: JobSpec, prices: Prices | None, arguments: Mapping[str, TemplateArguments]) -> JobTerms:
    """The terms of a job whose models have these prices and, by name, these arguments; its own go before its targets'.

    ``arguments``: for the chat templates of all its models.
    """
    models = job.models
    return JobTerms(
        prices=prices,
        target_arguments={name: {**arguments[name], **job.chat_template_kwargs} for name in models.targets},
        rewriter_arguments=dict(arguments[models.rewriter]),
    )


def encode_terms(terms: JobTerms) -> bytes:
    """JSON, exact to a price's last bit."""
    return terms.model_dump_json().encode()


def decode_terms(raw: bytes) -> JobTerms:
    """The inverse of ``encode_terms``.

    Raises:
        JournalMismatchError: the bytes are no terms, or those of another version of the program.
    """
    try:
        return JobTerms.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        raise JournalMismatchError(
            f"the prices and template arguments of a job cannot be read ({first['msg']}); they were written by another "
            "version of the program: run the job with that version, or submit it again"
        ) from None
