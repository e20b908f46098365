"""Demonstrations: from a job's section to the search's rule, and from the search's result to the wire."""

from __future__ import annotations

from pmpo.contracts.modes import DemonstrationsView, FewShotSpec
from pmpo.optim.mode_results import Demonstrations
from pmpo.optim.spec import FewShotRule
from pmpo.runs.plain import to_plain


def few_shot_rule(given: FewShotSpec | None) -> FewShotRule | None:
    """The rule of ``optimizer.few_shot``; None without that section."""
    return None if given is None else FewShotRule(given.max_demonstrations, given.candidates)


def demonstrations_view(found: Demonstrations | None) -> DemonstrationsView | None:
    """The chosen demonstrations on the wire."""
    return None if found is None else DemonstrationsView.model_validate(to_plain(found))
