"""Rationales as targets: which texts end in the right answer, and what the target made from one looks like."""

from __future__ import annotations

from pmpo.contracts.modes import Metric
from pmpo.data.extraction import final_answer, split_at_answer
from pmpo.data.metrics import grader_for
from pmpo.errors import InvalidInputError
from pmpo.optim.types import Example


class AnswerReader:
    """A ``pmpo.optim.rationalize.RationaleReader``: the job's metric on the extracted final answer."""

    def __init__(self, metric: Metric | None) -> None:
        """Raises InvalidInputError without a metric: nothing would say which rationales end right."""
        grader = grader_for(metric)
        if grader is None:
            raise InvalidInputError(
                "a rationalize job needs a metric, which says when an answer is right; give exact_match, contains, "
                "final_answer, number or option"
            )
        self._grader = grader
        self._is_exact = metric == "exact_match"

    def read(self, example: Example, text: str) -> tuple[str, str]:
        """(reasoning and answer as a target, "") or ("", why not)."""
        reasoning, answer = split_at_answer(text)
        if answer is None:
            return "", "without a stated answer"
        if not self._is_right(example, answer):
            return "", "wrong"
        if not reasoning:
            return "", "without reasoning"
        return f"{reasoning}\nThe answer is {example.target.strip()}", ""

    def _is_right(self, example: Example, answer: str) -> bool:
        if self._grader.grade(example, answer) == 1.0:
            return True
        return self._is_exact and answer == final_answer(example.target)  # quotes and a full stop were taken off
