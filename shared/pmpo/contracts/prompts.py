"""The prompt registry on the wire: names, immutable versions with their lineage, labels and how they moved."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pmpo.contracts.jobs import ModelView, Prompt, TestView
from pmpo.contracts.modes import JobKind
from pmpo.contracts.objectives import ObjectiveView
from pmpo.contracts.registry import Label
from pmpo.contracts.sections import Strict

MAX_PAGE_PROMPTS = 500
PRODUCTION = "production"
MoveKind = Literal["promote", "rollback", "automatic"]
Version = Annotated[int, Field(ge=1, le=2**31)]
ExpectedVersion = Annotated[int, Field(ge=1, le=2**31)] | None


class PromptLineage(Strict):
    """How a job came to a prompt: its losses before and after, the data by its content, the model, the verdict.

    Losses are in the unit of ``objective``; ``datasets`` has the id of each given set; ``seed_sha256`` is the digest of
    the prompt that the job began with; ``measured_on`` is that of the model, the objective and the test rows, so that
    the test losses of two versions with the same one can be compared, and empty where they cannot.
    """

    job_id: str
    job_name: str
    kind: JobKind
    verdict: Literal["confirmed", "unconfirmed", "untested"]
    seed_sha256: str
    train_loss_before: float
    train_loss_after: float
    validation_loss_before: float
    validation_loss_after: float
    test: TestView | None
    objective: ObjectiveView
    model: ModelView | None
    datasets: dict[str, str]
    measured_on: str = ""


class PromptContent(Strict):
    """A version as the registry keeps it. ``sha256`` is the digest of the prompt's text in UTF-8."""

    prompt: str
    sha256: str
    created_at: float
    source: Literal["job", "person"]
    note: str = ""
    lineage: PromptLineage | None = None


class NewVersion(Strict):
    """``POST /v1/prompts/{name}/versions``: a prompt of one's own, and a label that it gets at once, if any."""

    prompt: Prompt
    note: Annotated[str, Field(max_length=2_000)] = ""
    label: Label | None = None


class PromptVersionView(Strict):
    """One version: it never changes, but for the ``labels`` that stand at it now.

    Attributes:
        sha256: digest of the prompt's text in UTF-8.
        source: a ``job``, whose ``lineage`` is there, or a ``person``.
        parent: the version whose text the job began with; null when the registry had none of that text.
        etag: what ``If-None-Match`` may hold to be told that nothing changed.
    """

    name: str
    version: int
    prompt: str
    sha256: str
    created_at: float
    source: Literal["job", "person"]
    note: str
    parent: int | None
    labels: list[str]
    lineage: PromptLineage | None
    etag: str


class PromptVersionsPage(Strict):
    """``GET /v1/prompts/{name}/versions``: newest first. ``next`` is the cursor of the page after; null on the last."""

    versions: list[PromptVersionView]
    next: int | None


class PromptSummary(Strict):
    """A prompt: how many versions it has, which of them each label stands at, when the newest came."""

    name: str
    num_versions: int
    labels: dict[str, int]
    updated_at: float
    verdict: str | None


class PromptsPage(Strict):
    """``GET /v1/prompts``: by name. ``next`` is the cursor of the page after; null on the last."""

    prompts: list[PromptSummary]
    next: str | None


class Promotion(Strict):
    """``POST /v1/prompts/{name}/promote``: move a label to a version.

    With ``expected`` only when the label stands at that version now (null: when nobody has it yet).
    """

    version: Version
    label: Label = PRODUCTION
    expected: ExpectedVersion = None


class Rollback(Strict):
    """``POST /v1/prompts/{name}/rollback``: move a label back to where it stood before; again, one step further.

    With ``expected`` only when the label stands at that version now.
    """

    label: Label = PRODUCTION
    expected: ExpectedVersion = None


class LabelMove(Strict):
    """One move of a label. ``automatic``: by a job whose verdict is ``confirmed``."""

    number: int
    label: str
    kind: MoveKind
    from_version: int | None
    to_version: int
    moved_at: float


class LabelsView(Strict):
    """``GET /v1/prompts/{name}/labels``: where labels stand, and their moves, newest first.

    ``next`` is the cursor of the page after; null on the last.
    """

    name: str
    labels: dict[str, int]
    moves: list[LabelMove]
    next: int | None
