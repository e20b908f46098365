"""What counts as better, and where the rows of a data set say so."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pmpo.contracts.sections import Strict

ObjectiveKind = Literal["supervised", "preference", "options"]
Normalize = Literal["token_mean", "token_sum", "byte_mean"]
ObjectiveForm = Literal["auto", "dpo", "mean_margin", "lmpo", "pairs", "cross_entropy"]
MAX_FACTOR = 1e6  # times a difference of two log-likelihoods, the loss stays finite
Positive = Annotated[float, Field(gt=0, le=MAX_FACTOR)]
NotNegative = Annotated[float, Field(ge=0, le=MAX_FACTOR)]


class ObjectiveSpec(Strict):
    """What counts as better. A key that is null has the default of its kind.

    - ``supervised``: the loss of the known target; ``normalize`` token_mean (default), token_sum or byte_mean.
    - ``preference``: pairs of a chosen and a rejected answer; ``form`` auto (default), dpo, mean_margin or lmpo;
      ``beta`` (1.0), ``gamma`` (0.0, of mean_margin) and ``gamma_ratio`` (0.5, of lmpo).
    - ``options``: the right option against the others; ``form`` pairs (default) or cross_entropy; ``beta`` (1.0, of
      pairs).

    ``combine`` says how the losses under several target models become one.

    Which keys go together is checked where a job is checked (``pmpo.runs.objectives``).
    """

    kind: ObjectiveKind = "supervised"
    normalize: Normalize | None = None
    form: ObjectiveForm | None = None
    beta: Positive | None = None
    gamma: NotNegative | None = None
    gamma_ratio: NotNegative | None = None
    combine: Literal["mean", "worst"] = "mean"


class FieldNames(Strict):
    """Which key of a row holds what.

    ``input`` and, by the objective's kind: ``target``; ``chosen``, ``rejected`` and, where a row has it, ``margin``;
    ``options`` and ``answer``. ``weight``, where a row has it, is its reward. Null for margin or weight: not used.
    """

    input: str = "input"
    target: str = "target"
    chosen: str = "chosen"
    rejected: str = "rejected"
    options: str = "options"
    answer: str = "answer"
    margin: str | None = "margin"
    weight: str | None = "weight"

    def wanted(self, kind: ObjectiveKind) -> str:
        """The key of the answer that a prompt should lead to."""
        return {"supervised": self.target, "preference": self.chosen, "options": self.answer}[kind]


class ObjectiveView(Strict):
    """The objective that a result's losses are of: its form by name, and the unit that they are in."""

    kind: ObjectiveKind = "supervised"
    form: str = "token_mean"
    unit: str = "nats per token"
