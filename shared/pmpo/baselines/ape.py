"""APE, automatic prompt engineer (Zhou et al., arXiv 2211.01910)."""

from __future__ import annotations

from collections.abc import Sequence

from pmpo.baselines.acceptance import Acceptance, Gate
from pmpo.baselines.evaluation import Evaluation, Full
from pmpo.baselines.rival import Ask, Leaver, View, overtaken
from pmpo.baselines.spec import MeasureKind
from pmpo.baselines.standing import Ranked
from pmpo.baselines.wording import induction, variation
from pmpo.errors import InvalidInputError

NUM_DEMONSTRATIONS = 5


class Ape:
    """Infer instructions from demonstrations, score them, resample around the best (sections 3.1 to 3.3).

    Published scoring is the log-likelihood of the outputs, as ours; execution accuracy is the option
    ``scoring: accuracy``. Round 1 draws ``population`` instructions, each from 5 demonstrations of its own; each later
    round keeps the better half and fills up with variations of it. The pool holds no seed prompt: the seed is only what
    is reported where nothing beats it, which is kinder than the paper.

    With the shared operator the first demonstration is the example, and the prompt to rewrite is the seed in round 1
    (that form cannot start from nothing) and a member of the pool later.
    """

    published: MeasureKind = "loss"
    room: int = 1
    min_rounds: int = 0
    max_rounds: int | None = None

    def __init__(self, population: int = 50, evaluation: Evaluation | None = None) -> None:
        if population < 2:
            raise InvalidInputError(f"population is {population}; APE needs at least 2")
        self.num_proposals: int = population
        self.evaluation: Evaluation = evaluation or Full()
        self.acceptance: Acceptance = Gate()
        self._pool: list[Ranked] = []

    def asks(self, view: View) -> list[Ask]:
        """Demonstrations as long as the pool is empty, then variations of its members in turn, best first."""
        if not self._pool:
            return [self._induce(view) for _ in range(self.num_proposals)]
        wanted = self.num_proposals - len(self._pool)
        return [self._vary(view, self._pool[number % len(self._pool)]) for number in range(wanted)]

    def take(self, scored: Sequence[Ranked]) -> list[Leaver]:
        """The better half of ``population`` stays; under a bandit by means over the examples seen so far."""
        everyone = sorted([*self._pool, *scored], key=lambda member: member.score)
        num_kept = max(1, self.num_proposals // 2)
        self._pool = everyone[:num_kept]
        return [overtaken(member, f"not among the best {num_kept} of the pool") for member in everyone[num_kept:]]

    def _induce(self, view: View) -> Ask:
        seed, shown = view.seed.candidate, view.draw(NUM_DEMONSTRATIONS)
        return Ask(seed, induction(shown, view.task, view.keep), seed.prompt, shown[:1])

    def _vary(self, view: View, member: Ranked) -> Ask:
        candidate = member.candidate
        return Ask(candidate, variation(candidate.prompt, view.keep), candidate.prompt, view.draw(1))
