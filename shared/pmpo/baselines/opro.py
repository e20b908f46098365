"""OPRO, optimization by prompting (Yang et al., arXiv 2309.03409)."""

from __future__ import annotations

from collections.abc import Sequence

from pmpo.baselines.acceptance import Acceptance, Gate
from pmpo.baselines.evaluation import Evaluation, Full
from pmpo.baselines.rival import Ask, Leaver, View, overtaken
from pmpo.baselines.spec import MeasureKind
from pmpo.baselines.standing import Ranked
from pmpo.baselines.wording import trajectory
from pmpo.errors import InvalidInputError

MAX_TRAJECTORY = 20
NUM_EXEMPLARS = 3


class Opro:
    """Show the rewriter the best prompts so far with their scores, ascending, and ask for a better one (section 2).

    Published scoring is training accuracy by generation; the paper's values: the best 20 prompts, 3 random exemplars
    drawn anew in every step, 8 samples a step. Scores are shown from 0 to 100 as whole numbers; under loss, where they
    lie closer together, with one decimal.

    With the shared operator the best prompt is the one to rewrite and the exemplars are its examples, one to a request:
    the trajectory itself stays unsaid, so that what is left of OPRO is its sampling and its memory.
    """

    published: MeasureKind = "accuracy"
    room: int = 1
    min_rounds: int = 0
    max_rounds: int | None = None

    def __init__(self, population: int = 8) -> None:
        if population < 1:
            raise InvalidInputError(f"population is {population}; OPRO needs at least 1 prompt a step")
        self.num_proposals: int = population
        self.evaluation: Evaluation = Full()
        self.acceptance: Acceptance = Gate()
        self._trajectory: list[Ranked] = []

    def asks(self, view: View) -> list[Ask]:
        """One meta-prompt, sampled ``population`` times."""
        self._trajectory = self._trajectory or [view.seed]
        digits = 0 if view.kind == "accuracy" else 1
        scored = [(item.candidate.prompt, f"{100 * item.fitness:.{digits}f}") for item in self._trajectory]
        exemplars, best = view.draw(NUM_EXEMPLARS), self._trajectory[-1].candidate
        own = trajectory(scored, exemplars, view.task, view.keep)
        return [Ask(best, own, best.prompt, exemplars, self.num_proposals)]

    def take(self, scored: Sequence[Ranked]) -> list[Leaver]:
        """The best 20 stay, worst first; of equals the later one counts as better, so that the trajectory moves on."""
        ascending = sorted([*self._trajectory, *scored], key=lambda item: -item.score)
        out = max(0, len(ascending) - MAX_TRAJECTORY)
        self._trajectory = ascending[out:]
        return [overtaken(item, f"not among the best {MAX_TRAJECTORY} of the trajectory") for item in ascending[:out]]
