"""Metrics: pure functions of an example and the text that a model wrote for it. All are ``pmpo.optim.ports.Grader``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from pmpo.contracts.modes import Metric
from pmpo.data.extraction import final_answer, number_in, option_in
from pmpo.errors import InvalidDataError
from pmpo.optim.types import Example


class MetricGrader(Protocol):
    """A metric: which targets it can grade, and the grade."""

    def can_grade(self, target: str) -> bool:
        """Whether a target holds what the metric compares."""
        ...

    def grade(self, example: Example, text: str) -> float:
        """1.0 or 0.0."""
        ...


class ExactMatch:
    """1.0 when the text is the target, white space at both ends aside; else 0.0. A ``pmpo.optim.ports.Grader``.

    A model that repeats the example's ``answer_prefix`` is forgiven: it was asked to go on after it.
    """

    def can_grade(self, target: str) -> bool:
        """Any target."""
        return True

    def grade(self, example: Example, text: str) -> float:
        """1.0 or 0.0. Case and inner white space count."""
        answer = text.strip().removeprefix(example.answer_prefix.strip())
        return float(answer.strip() == example.target.strip())


class Contains:
    """1.0 when the target stands somewhere in the text as words of its own, case and width of white space aside."""

    def can_grade(self, target: str) -> bool:
        """Any target with something in it."""
        return bool(target.strip())

    def grade(self, example: Example, text: str) -> float:
        """1.0 or 0.0. ``no`` does not stand in ``I know``."""
        wanted = re.escape(_plain(example.target))
        return float(re.search(rf"(?<!\w){wanted}(?!\w)", _plain(text)) is not None)


class FinalAnswer:
    """1.0 when the text ends in the target's answer; see ``pmpo.data.extraction.final_answer``.

    Both may hold reasoning before it.
    """

    def can_grade(self, target: str) -> bool:
        """A target with an answer at its end."""
        return bool(final_answer(target))

    def grade(self, example: Example, text: str) -> float:
        """1.0 or 0.0. Case, width of white space, quotation marks and a full stop do not count."""
        return float(_plain(final_answer(text)) == _plain(final_answer(example.target)))


class Number:
    """1.0 when the number that the text ends in equals that of the target; see ``pmpo.data.extraction.number_in``."""

    def can_grade(self, target: str) -> bool:
        """A target with a number."""
        return number_in(target) is not None

    def grade(self, example: Example, text: str) -> float:
        """1.0 or 0.0. 1,200.0 equals 1200; a text without a number is wrong."""
        found = number_in(text)
        return float(found is not None and found == number_in(example.target))


class Option:
    """1.0 when the text chooses the target's letter; see ``pmpo.data.extraction.option_in``."""

    def can_grade(self, target: str) -> bool:
        """A target with an option's letter."""
        return option_in(target) is not None

    def grade(self, example: Example, text: str) -> float:
        """1.0 or 0.0. A text without a letter is wrong."""
        found = option_in(text)
        return float(found is not None and found == option_in(example.target))


_GRADERS: dict[Metric, type[MetricGrader]] = {
    "exact_match": ExactMatch,
    "contains": Contains,
    "final_answer": FinalAnswer,
    "number": Number,
    "option": Option,
}


def grader_for(metric: Metric | None) -> MetricGrader | None:
    """The grader of a job's ``metric``; None for a job without one."""
    return None if metric is None else _GRADERS[metric]()


def check_gradable(metric: Metric | None, examples: Sequence[Example]) -> None:
    """Refuse targets that no answer could match, instead of reporting an accuracy of zero.

    Raises:
        InvalidDataError: names the first row whose target lacks what the metric compares.
    """
    grader = grader_for(metric)
    if grader is None:
        return
    lacking = next((example for example in examples if not grader.can_grade(example.target)), None)
    if lacking is not None:
        raise InvalidDataError(
            f"metric {metric} finds nothing to compare in the target of row {lacking.index} (from 0): "
            f"{lacking.target!r:.60}; choose another metric, or correct the row"
        )


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
