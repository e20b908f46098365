"""Static prompts: a fixed wording of ours beside the seed prompt. No rewriter, no selection, one round."""

from __future__ import annotations

from collections.abc import Sequence

from pmpo.baselines.acceptance import Acceptance, Unconditional
from pmpo.baselines.evaluation import Evaluation, Full
from pmpo.baselines.rival import Given, Leaver, View
from pmpo.baselines.spec import MeasureKind
from pmpo.baselines.standing import Ranked
from pmpo.text.placeholders import placeholders

ANSWER_ONLY = "Give the final answer alone, without an explanation."
STEP_BY_STEP = "Reason step by step before you give the final answer."
REPHRASE_AND_RESPOND = "First say the question again in your own words, with more detail; then answer it."
STEP_BACK = "First name the general principle or fact that the question rests on; then use it to answer."


class Static:
    """The seed prompt with one more paragraph, scored and tested like a candidate and reported whatever it scored.

    Without a metric it is scored by loss. Prompts that make the model reason have long answers: targets that hold the
    answer alone punish them under loss, and an exact match does where the answer is not cut out first.
    """

    published: MeasureKind = "loss"
    num_proposals: int = 1
    room: int = 0
    min_rounds: int = 1
    max_rounds: int | None = 1

    def __init__(self, wording: str) -> None:
        self.evaluation: Evaluation = Full()
        self.acceptance: Acceptance = Unconditional()
        self._wording = wording

    def asks(self, view: View) -> list[Given]:
        """The one prompt, given."""
        seed = view.seed.candidate
        return [Given(seed, decorated(seed.prompt, self._wording))]

    def take(self, scored: Sequence[Ranked]) -> list[Leaver]:
        """Nobody leaves."""
        return []


def decorated(prompt: str, wording: str) -> str:
    """``wording`` as a paragraph after ``prompt``; before it where the prompt has placeholders.

    Such a prompt may end in the very words that the answer goes on from (``Answer:``).
    """
    return f"{wording}\n\n{prompt}" if placeholders(prompt) else f"{prompt}\n\n{wording}"
