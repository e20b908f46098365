"""Every error of the project, in one tree. Standard library only.

    PmpoError
    ├── InvalidInputError            422  what the caller sent is wrong; the message says where and what to do
    │   ├── UnknownKeyError               a key that no model knows (nearest name suggested)
    │   ├── InvalidDataError              a row, file or data set that cannot be used
    │   ├── PlaceholderError              a prompt whose placeholders the data cannot fill
    │   ├── TooLongError                  an item longer than the model's context
    │   ├── EmptyTargetError              a target without tokens
    │   ├── BodyTooLargeError        413  a request body above the limit
    │   ├── BudgetTooSmallError           a cap that does not cover the final test and one iteration
    │   └── IdempotencyKeyReusedError     a key that was used for another body
    ├── UnauthorizedError            401  no key, or one that does not count
    ├── ForbiddenError               403  a key without the scope, or a page of another site
    ├── NotFoundError                404
    ├── ConflictError                409  a state that does not allow the request
    │   ├── LeaseLostError                another worker holds the job
    │   └── JournalMismatchError          a replayed question differs from the journaled one
    ├── OverloadedError              429  retryable, may carry retry_after_s
    ├── ConfigurationError           500  a setting that stops the start
    ├── EngineError                  500  the engine failed
    │   └── NonFiniteScoreError           NaN or infinity where a log-likelihood should stand
    ├── UpstreamError                502  a server we call answered what we cannot use
    │   └── ModelChangedError             another model, revision, dtype or engine than the job's first
    └── UnavailableError             503  retryable: a server we call does not answer
        ├── ScorerUnavailableError
        ├── GeneratorUnavailableError
        └── StoreUnavailableError

Each class has a ``code`` (stable, for programs), an HTTP ``status`` and ``retryable``. Messages are one sentence
that says what was wrong, where, and what to do.
"""

from __future__ import annotations

import re
from typing import ClassVar

MAX_MESSAGE = 1_000
# What a terminal, a log or a reader would not take as it is: control characters, line and paragraph separators,
# overrides of the direction of writing, halves of surrogate pairs.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def one_line(text: str) -> str:
    """A message as one line of bounded length, whatever of a caller's it quotes: what cannot be seen is escaped, and of
    a very long one the middle is left out.
    """
    seen = _UNSEEN.sub(lambda match: match.group().encode("unicode_escape").decode(), text)
    if len(seen) <= MAX_MESSAGE:
        return seen
    return f"{seen[: MAX_MESSAGE - 305]} ... {seen[-300:]}"


class PmpoError(Exception):
    """The root. ``str(error)`` is the sentence for a person, on one line; ``code`` is the name for a program."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        self.message = one_line(message)
        super().__init__(self.message)
        self.retry_after_s = retry_after_s


class InvalidInputError(PmpoError):
    code = "invalid_input"
    status = 422


class UnknownKeyError(InvalidInputError):
    code = "unknown_key"


class InvalidDataError(InvalidInputError):
    code = "invalid_data"


class PlaceholderError(InvalidInputError):
    code = "placeholder_mismatch"


class TooLongError(InvalidInputError):
    code = "too_long"


class EmptyTargetError(InvalidInputError):
    code = "empty_target"


class BodyTooLargeError(InvalidInputError):
    code = "body_too_large"
    status = 413


class BudgetTooSmallError(InvalidInputError):
    code = "budget_too_small"


class IdempotencyKeyReusedError(InvalidInputError):
    code = "idempotency_key_reused"


class UnauthorizedError(PmpoError):
    code = "unauthorized"
    status = 401


class ForbiddenError(PmpoError):
    code = "forbidden"
    status = 403


class NotFoundError(PmpoError):
    code = "not_found"
    status = 404


class ConflictError(PmpoError):
    code = "conflict"
    status = 409


class LeaseLostError(ConflictError):
    code = "lease_lost"


class JournalMismatchError(ConflictError):
    code = "journal_mismatch"


class OverloadedError(PmpoError):
    code = "overloaded"
    status = 429
    retryable = True


class ConfigurationError(PmpoError):
    code = "configuration"


class EngineError(PmpoError):
    code = "engine_failed"


class NonFiniteScoreError(EngineError):
    code = "non_finite_score"


class UpstreamError(PmpoError):
    code = "upstream"
    status = 502


class ModelChangedError(UpstreamError):
    code = "model_changed"


class UnavailableError(PmpoError):
    code = "unavailable"
    status = 503
    retryable = True


class ScorerUnavailableError(UnavailableError):
    code = "scorer_unavailable"


class GeneratorUnavailableError(UnavailableError):
    code = "generator_unavailable"


class StoreUnavailableError(UnavailableError):
    code = "store_unavailable"


def error_classes() -> dict[str, type[PmpoError]]:
    """Every class of the tree by its ``code``: how a client rebuilds the class that a service raised."""
    found: dict[str, type[PmpoError]] = {}
    waiting: list[type[PmpoError]] = [PmpoError]
    while waiting:
        cls = waiting.pop()
        found.setdefault(cls.code, cls)
        waiting.extend(cls.__subclasses__())
    return found
