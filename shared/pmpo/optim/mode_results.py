"""What the modes beside the plain search add to its result: frozen, free of I/O."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UnitFate:
    """What became of one unit of a prompt that was compressed.

    Attributes:
        text: the unit.
        importance: nats by which the training loss rose without it, measured on the whole prompt (equation 2).
        is_deleted: whether the final prompt is without it.
        num_tokens: tokens that its deletion saved; 0 when it stays.
        train_loss, validation_loss: of the prompt without it and without what went before; None where not measured.
        reason: why it stays: important, train_loss, anchor, validation_loss, last_unit, budget; empty when deleted.
    """

    text: str
    importance: float
    is_deleted: bool
    num_tokens: int = 0
    train_loss: float | None = None
    validation_loss: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Compression:
    """How a prompt became shorter. ``units`` stand in the order in which they were tried, the important ones last."""

    epsilon: float
    tolerance: float
    margin: float
    tokens_before: int
    tokens_after: int
    units: tuple[UnitFate, ...]


@dataclass(frozen=True, slots=True)
class Demonstrations:
    """The worked examples that were added to the final prompt.

    Attributes:
        rows: row numbers of the train file, in the order in which they stand in the prompt; empty when none helped.
        num_tried: training rows that were tried.
        validation_loss_before: of the prompt without any.
        validation_loss_after: of the final prompt.
        detail: why there are no more of them.
    """

    rows: tuple[int, ...]
    num_tried: int
    validation_loss_before: float
    validation_loss_after: float
    detail: str
