"""The verdict of a compression: whether the shorter prompt is worse than the whole one by less than a margin.

To find no difference proves nothing: five noisy rows never find one. So the claim is turned around. The hypothesis to
refuse is that the final prompt's test loss is higher by the margin or more, and it is refused when the 95 % paired
interval of the difference ends below the margin (a one-sided test at 2.5 %, the custom for non-inferiority).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pmpo.optim.acceptance import sign_flip_p_value
from pmpo.optim.events import TestComparison, Verdict
from pmpo.optim.losses import Floats


def against_margin(test: TestComparison, weights: Floats, margin: float, seed: int) -> TestComparison:
    """``test`` with the p value of "worse by ``margin`` nats or more" in place of "not better"."""
    shares = weights / weights.sum()
    differences = (np.array(test.losses_after) - np.array(test.losses_before)) * shares * len(shares)
    return replace(test, p_value=sign_flip_p_value(differences - margin, seed))


def not_worse_verdict(test: TestComparison | None, margin: float, *, changed: bool) -> Verdict:
    """``confirmed``: the prompt is shorter, and the interval of its loss's change ends below ``margin``."""
    if test is None:
        return "untested"
    return "confirmed" if changed and test.interval[1] < margin else "unconfirmed"
