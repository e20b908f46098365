"""A standing in sentences, for the terminal, the comment and the report of a test run."""

from __future__ import annotations

from pmpo.ci.comparison import Comparison
from pmpo.ci.standing import Standing

REFRESH = "`pmpo ci refresh`"


def state(standing: Standing) -> str:
    """One or two words."""
    if standing.is_worse:
        return "worse"
    if standing.is_too_high:
        return "too high"
    if standing.changes:
        return "not locked" if standing.changes[0].cause == "unlocked" else "stale"
    if standing.locked is None:
        return "new"
    if standing.measured is None:
        return "unchanged"
    return "better" if standing.is_better else "no worse"


def reasons(standing: Standing) -> list[str]:
    """Why it does not pass, each with what the numbers say; empty when it passes."""
    found = []
    if standing.is_worse and standing.comparison is not None:
        found.append(f"it got worse: {change(standing.comparison, standing.unit)}")
    if standing.is_too_high:
        most = standing.thresholds.max_loss
        found.append(f"its loss is {standing.loss_after:.3f} and thresholds.max_loss is {most:g}")
    if standing.changes:
        found.append(f"the lock is stale: {'; '.join(each.sentence for each in standing.changes)}")
    return found


def evidence(standing: Standing) -> str:
    """What scoring found, where it is no reason to fail; empty when nothing was scored."""
    if standing.comparison is not None and not standing.is_worse:
        verb = "it got better" if standing.is_better else "it is not measurably worse"
        return f"{verb}: {change(standing.comparison, standing.unit)}"
    return standing.not_compared


def change(comparison: Comparison, unit: str) -> str:
    """By how much the loss rose or fell, on how many rows, and how often chance alone does that."""
    has_risen = comparison.difference > 0
    p_value = comparison.p_rise if has_risen else comparison.p_fall
    verb = "rose" if has_risen else "fell"
    return (
        f"the loss {verb} by {abs(comparison.difference):.3f} {unit}, from {comparison.loss_before:.3f} to "
        f"{comparison.loss_after:.3f} on {comparison.num_rows} rows (p = {p_value:.2g})"
    )
