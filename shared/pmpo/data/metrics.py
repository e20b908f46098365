"""Metrics: pure functions of an example and the text that a model wrote for it."""

from __future__ import annotations

from typing import Literal

from pmpo.optim.types import Example


class ExactMatch:
    """1.0 when the text is the target, white space at both ends aside; else 0.0. A ``pmpo.optim.ports.Grader``.

    A model that repeats the example's ``answer_prefix`` is forgiven: it was asked to go on after it.
    """

    def grade(self, example: Example, text: str) -> float:
        """1.0 or 0.0. Case and inner white space count."""
        answer = text.strip().removeprefix(example.answer_prefix.strip())
        return float(answer.strip() == example.target.strip())


def grader_for(metric: Literal["exact_match"] | None) -> ExactMatch | None:
    """The grader of a job's ``metric``; None for a job without one."""
    return None if metric is None else ExactMatch()
