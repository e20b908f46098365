"""What a rival is asked to do: the search's settings, how candidates are scored, how the rewriter is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pmpo.optim.spec import SearchSpec

Scoring = Literal["published", "loss", "accuracy"]
MeasureKind = Literal["loss", "accuracy"]
OperatorKind = Literal["own", "shared"]


@dataclass(frozen=True, slots=True)
class RivalSpec:
    """One run of a rival.

    Attributes:
        base: the settings that every algorithm shares. Hard examples, variants, units and the selection policy are
            PMPO's own and are not looked at; ``rewrite_meta`` is used by the shared operator alone.
        scoring: ``published`` is the paper's way, ``accuracy`` generates answers and grades them, ``loss`` is the
            job's objective.
        operator: ``own`` asks with the rival's meta-prompt (in our wording), ``shared`` with ``base.rewrite_meta`` and
            one example, the form that every algorithm can be given.
    """

    base: SearchSpec
    scoring: Scoring = "published"
    operator: OperatorKind = "own"

    def measure_for(self, published: MeasureKind) -> MeasureKind:
        """What candidates are scored by, for a rival whose paper scores by ``published``."""
        return published if self.scoring == "published" else self.scoring
