"""EvoPrompt (Guo et al., arXiv 2309.08532): a genetic algorithm and differential evolution over prompts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pmpo.baselines.acceptance import Acceptance, Gate
from pmpo.baselines.evaluation import Evaluation, Full
from pmpo.baselines.operators import crossed
from pmpo.baselines.rival import Ask, Leaver, View, overtaken
from pmpo.baselines.spec import MeasureKind
from pmpo.baselines.standing import Ranked
from pmpo.baselines.wording import crossover, difference, variation
from pmpo.errors import InvalidInputError

MIN_POPULATION = 3


class Population:
    """The part that both have in common: the seed and its paraphrases, until there are N members.

    The paper begins with prompts by hand and their paraphrases; a job has one prompt. Refused or missing paraphrases
    are asked for again in later rounds, beside the evolution, which begins with ``MIN_POPULATION`` members.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < MIN_POPULATION:
            raise InvalidInputError(f"population is {capacity}; EvoPrompt needs at least {MIN_POPULATION}")
        self.capacity = capacity
        self.members: list[Ranked] = []

    def paraphrases(self, view: View) -> list[Ask]:
        """One ask for what is missing; the shared operator rewrites the seed with one example after another."""
        self.members = self.members or [view.seed]
        missing = self.capacity - len(self.members)
        if not missing:
            return []
        seed = view.seed.candidate
        return [Ask(seed, variation(seed.prompt, view.keep), seed.prompt, view.draw(missing), missing)]

    @property
    def can_evolve(self) -> bool:
        """Whether there are enough members for two parents, or for a current prompt and two donors."""
        return len(self.members) >= MIN_POPULATION

    def best(self) -> Ranked:
        """The earliest of the best."""
        return min(self.members, key=lambda member: member.score)


class EvoPromptGa:
    """Genetic algorithm (section 3.2): roulette parents, crossover and mutation in one meta-prompt, the best N survive.

    Published scoring is accuracy by generation on the development set; ours is the training set, as for everyone here,
    and the validation gate comes on top. N = 10. The two parents of a child differ, which the paper does not ask for.

    With the shared operator the parents are crossed by rule (``operators.crossed``: a unit of the second put into the
    first), and the operator rewrites, that is mutates, the outcome with a random training example.
    """

    published: MeasureKind = "accuracy"
    room: int = 2
    min_rounds: int = 0
    max_rounds: int | None = None

    def __init__(self, population: int = 10) -> None:
        self.num_proposals: int = population
        self.evaluation: Evaluation = Full()
        self.acceptance: Acceptance = Gate()
        self._population = Population(population)

    def asks(self, view: View) -> list[Ask]:
        """Missing paraphrases, and a child for each member that there is."""
        asks = self._population.paraphrases(view)
        if not self._population.can_evolve:
            return asks
        return asks + [self._child(view) for _ in self._population.members]

    def take(self, scored: Sequence[Ranked]) -> list[Leaver]:
        """The best N of parents and children survive; ties go to the older one."""
        everyone = sorted([*self._population.members, *scored], key=lambda member: member.score)
        self._population.members = everyone[: self._population.capacity]
        rule = f"not among the best {self._population.capacity} of parents and children"
        return [overtaken(member, rule) for member in everyone[self._population.capacity :]]

    def _child(self, view: View) -> Ask:
        members = self._population.members
        first = members[roulette([member.fitness for member in members], view.rng)]
        others = [member for member in members if member is not first]
        second = others[roulette([member.fitness for member in others], view.rng)]
        mother, father = first.candidate.prompt, second.candidate.prompt
        base = crossed(mother, father, view.keep, view.rng)
        return Ask(first.candidate, crossover(mother, father, view.keep), base, view.draw(1))


class EvoPromptDe:
    """Differential evolution (section 3.3): each member has one rival made of two donors' difference and the best.

    Published scoring and N as for ``EvoPromptGa``. A child replaces its member when its score is better, not else.

    With the shared operator the member is crossed by rule with the best prompt (with the first donor where it is the
    best itself), and the operator mutates the outcome; the second donor stays unsaid.
    """

    published: MeasureKind = "accuracy"
    room: int = 4
    min_rounds: int = 0
    max_rounds: int | None = None

    def __init__(self, population: int = 10) -> None:
        self.num_proposals: int = population
        self.evaluation: Evaluation = Full()
        self.acceptance: Acceptance = Gate()
        self._population = Population(population)

    def asks(self, view: View) -> list[Ask]:
        """Missing paraphrases, and one child for each member."""
        asks = self._population.paraphrases(view)
        members = self._population.members if self._population.can_evolve else []
        return asks + [self._child(view, member) for member in members]

    def take(self, scored: Sequence[Ranked]) -> list[Leaver]:
        """Who comes first takes a free place (paraphrases do); after that a child stands against its own member."""
        members, leavers = self._population.members, []
        for child in scored:
            if len(members) < self._population.capacity:
                members.append(child)
                continue
            places = {member.candidate.id: place for place, member in enumerate(members)}
            place = places[child.candidate.parent_id or 0]
            loser = child
            if child.score < members[place].score:
                loser, members[place] = members[place], child
            leavers.append(overtaken(loser, "member and child: the better one stays"))
        return leavers

    def _child(self, view: View, member: Ranked) -> Ask:
        others = [other for other in self._population.members if other is not member]
        first, second = (others[int(place)].candidate for place in view.rng.permutation(len(others))[:2])
        best, current = self._population.best().candidate, member.candidate
        mate = first if best.id == current.id else best
        own = difference(current.prompt, (first.prompt, second.prompt), best.prompt, view.keep)
        return Ask(current, own, crossed(current.prompt, mate.prompt, view.keep, view.rng), view.draw(1))


def roulette(fitness: Sequence[float], rng: np.random.Generator) -> int:
    """A position drawn in proportion to fitness; any with equal chances where all are 0."""
    weights = np.array(fitness, dtype=np.float64)
    total = weights.sum()
    shares = weights / total if total > 0 else np.full(len(weights), 1 / len(weights))
    return int(rng.choice(len(weights), p=shares))
