"""What a search will probably use, before it runs: tokens and money of a run to its full number of iterations.

Exact are the seeds' scoring, the rungs of the selection and the final test's rows. The rest is assumed, and the
assumptions are values here: how many rewrites pass the guards, how many rounds bring a new incumbent, how long rewrites
are. A search that stops early uses less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp

from pmpo.optim.acceptance import MIN_TEST_EXAMPLES
from pmpo.optim.bounds import TokenCounts
from pmpo.optim.importance import units_of
from pmpo.optim.preference import MultipleChoice
from pmpo.optim.rewrite import MetaPrompt
from pmpo.optim.selection import SelectionPolicy
from pmpo.optim.spec import SearchSpec
from pmpo.optim.tariff import PICO, Reservation, Tariff

TAGS_TOKENS = 6  # <prompt> and the end of turn
MARK_TOKENS = 8  # <mask> and </mask>
SHORT_ANSWER_TOKENS = 5  # of a small model that was not told what to answer
SHORTEST_REWRITE_TOKENS = 14  # whoever rewrites "Do it." writes a sentence or two
BYTES_PER_TOKEN = 4
OPTIONS_FORM_SHARE = 0.15
UNIT_TOKENS = 8  # of a sentence


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What nobody knows before a run.

    Attributes:
        usable: share of rewrites that pass the guards, repetitions aside.
        ideas: different rewrites that the rewriter has for one incumbent; after those it repeats itself.
        improvements: new incumbents that can be found at all.
        rounds_to_improve: rounds in which most of them are: ``improvements * (1 - exp(-rounds / rounds_to_improve))``.
        validated: candidates scored on the validation set for one that is accepted.
        growth: length of rewrites over that of the seed prompt.
        added: tokens that every improvement adds to it: small models add a rule to a short prompt, and then another.
        num_units: units of a rewrite in the mask analysis; as many as the seed prompt has, where it has more.
        answer_growth: length of generated answers over that of the known outputs.
        answered_in_full: share of the answers that are as long as known outputs; the others have a few tokens.
    """

    usable: float
    ideas: float
    improvements: float
    rounds_to_improve: float
    validated: float
    growth: float
    added: float
    num_units: int
    answer_growth: float
    answered_in_full: float = 1.0

    def num_accepted(self, iterations: int) -> float:
        """Rounds that end with a new incumbent."""
        return self.improvements * (1 - exp(-iterations / self.rounds_to_improve))

    def num_usable(self, iterations: int, written: int) -> float:
        """Of ``written`` rewrites a round, those that are scored: the different ones among all for one incumbent."""
        rounds_each = iterations / (1 + self.num_accepted(iterations))
        drawn = self.usable * written * rounds_each
        return self.ideas * (1 - exp(-drawn / self.ideas)) / rounds_each


# Fitted to the runs of benchmarks/estimate.py (small forms, the bundled model) and to simulations (the others).
LOW = Assumptions(0.4, 100.0, 2.0, 6.0, 1.0, 0.7, 0.0, 1, 0.7)
EXPECTED = Assumptions(0.95, 400.0, 5.0, 6.0, 1.3, 1.0, 0.0, 3, 1.0)
HIGH = Assumptions(1.0, 4000.0, 12.0, 8.0, 2.0, 1.8, 0.0, 5, 2.0)
# Small forms are filled in by small models: (ideas, added) of the three.
SMALL = ((3.0, 1.0), (8.0, 3.3), (20.0, 3.5))


@dataclass(frozen=True, slots=True)
class Estimate:
    """Use of a run to its full number of iterations, three times: ``low`` and ``high`` hold most runs."""

    low: Reservation
    expected: Reservation
    high: Reservation


def estimate(
    counts: TokenCounts, spec: SearchSpec, policy: SelectionPolicy, answer_tokens: float, *, is_small_form: bool = False
) -> Estimate:
    """What the search will use.

    Args:
        counts: tokens of the seed prompts.
        spec: the search; its caps are not looked at.
        policy: how candidates are selected.
        answer_tokens: mean length of the known outputs.
        is_small_form: the rewriter fills in the forms for small models, which repeat themselves soon.
    """
    all_assumed: tuple[Assumptions, ...] = (LOW, EXPECTED, HIGH)
    if is_small_form:
        all_assumed = tuple(
            replace(assumed, ideas=ideas, added=added * _form_share(spec), answered_in_full=0.5)
            for assumed, (ideas, added) in zip(all_assumed, SMALL, strict=True)
        )
    low, expected, high = (_Forecast(counts, spec, policy, answer_tokens, each).total() for each in all_assumed)
    return Estimate(low, expected, high)


def money(cost: Reservation) -> float:
    """The money of a cost, in the operator's currency."""
    return cost.money_pico / PICO


class _Forecast:
    """One set of assumptions applied to one search."""

    def __init__(
        self,
        counts: TokenCounts,
        spec: SearchSpec,
        policy: SelectionPolicy,
        answer_tokens: float,
        assumed: Assumptions,
    ) -> None:
        self._counts = counts
        self._tested = counts.test if len(counts.test) >= MIN_TEST_EXAMPLES else ()
        self._spec = spec
        self._policy = policy
        self._assumed = assumed
        self._tariff = Tariff(spec.prices)
        share = assumed.answered_in_full
        answer = (share * answer_tokens + (1 - share) * SHORT_ANSWER_TOKENS) * assumed.answer_growth + 1
        self._answer_tokens = min(answer, float(spec.max_answer_tokens))
        self._num_accepted = assumed.num_accepted(spec.iterations)
        seed = max(counts.prompt, *(other.prompt for other in counts.others)) if counts.others else counts.prompt
        shortest = SHORTEST_REWRITE_TOKENS * assumed.growth
        wanted = max(seed * assumed.growth + assumed.added * self._num_accepted, shortest)
        self._rewrite_tokens = min(wanted, float(max(spec.max_prompt_tokens, seed)))
        self._num_copies = counts.max_row_targets * spec.num_target_models  # of the prompt, for all targets of a row
        self._growth = self._num_copies * (self._rewrite_tokens - counts.prompt)
        self._num_hard = min(spec.hard_examples, len(counts.train))
        self._num_analyses = 1 + assumed.num_accepted(spec.iterations - 1)

    def total(self) -> Reservation:
        parts = (self._seeds(), self._masking(), self._rewriting(), self._selecting(), self._answering())
        return sum(parts, start=Reservation())

    def _seeds(self) -> Reservation:
        seeds = (self._counts, *self._counts.others)
        return self._tariff.scoring(sum(sum(seed.train) + sum(seed.validation) for seed in seeds))

    def _masking(self) -> Reservation:
        """The first analysis is of the seed prompt, whose units the rule knows; the others are of rewrites."""
        spec, train = self._spec, self._counts.train
        known = units_of(spec.prompt, spec.protected, spec.max_units)
        kept = [len(spec.prompt) - (unit.end - unit.start) for unit in known]
        num_copies = len(train) * self._num_copies
        first = sum(sum(train) - num_copies * self._counts.prompt * (1 - left / len(spec.prompt)) for left in kept)
        num_units = min(max(self._assumed.num_units, len(known)), spec.max_units, self._rewrite_tokens / UNIT_TOKENS)
        num_units = 0.0 if num_units < 1 else num_units  # a single sentence is not taken out
        whole = sum(train) + len(train) * self._growth
        later = num_units * whole - num_copies * self._rewrite_tokens if num_units else 0.0
        cost = self._tariff.scoring(round(first + (self._num_analyses - 1) * max(0.0, later)))
        if spec.units == "rule" or spec.mask_meta is None:
            return cost
        written = self._num_analyses * (self._rewrite_tokens + num_units * MARK_TOKENS)
        read = self._num_analyses * (_form_tokens(spec.mask_meta) + self._rewrite_tokens)
        return cost + self._tariff.rewriting(round(written), round(read))

    def _rewriting(self) -> Reservation:
        spec = self._spec
        num_requests = spec.iterations * self._num_hard
        row = _mean(self._counts.train) / self._num_copies - self._counts.prompt
        read = _form_tokens(spec.rewrite_meta) + 2 * self._rewrite_tokens + row
        written = num_requests * spec.variants * (self._rewrite_tokens + TAGS_TOKENS)
        return self._tariff.rewriting(round(written), round(num_requests * read))

    def _selecting(self) -> Reservation:
        """Candidates on training and validation examples, then the final prompts on the test's."""
        counts, iterations = self._counts, self._spec.iterations
        candidates = round(self._assumed.num_usable(iterations, self._num_hard * self._spec.variants))
        cells = self._policy.expected_cells(candidates, len(counts.train))
        scored = iterations * cells * (_mean(counts.train) + self._growth)
        validation = sum(counts.validation) + len(counts.validation) * self._growth
        scored += self._num_accepted * self._assumed.validated * validation
        scored += 2 * sum(self._tested) + len(self._tested) * self._growth
        return self._tariff.scoring(round(scored))

    def _answering(self) -> Reservation:
        if not self._spec.with_accuracy:
            return Reservation()
        counts = self._counts
        num_validations = 1 + self._num_accepted
        num_answers = num_validations * len(counts.validation) + 2 * len(self._tested)
        read = num_validations * sum(counts.validation) + 2 * sum(self._tested) + num_answers * self._growth
        return self._tariff.answering(round(num_answers * self._answer_tokens), round(read / self._num_copies))


def _form_share(spec: SearchSpec) -> float:
    """How much of what improves a prompt is its rules of form: options are told apart by the question asked alone."""
    return OPTIONS_FORM_SHARE if isinstance(spec.objective, MultipleChoice) else 1.0


def _form_tokens(meta: MetaPrompt) -> float:
    return len((meta.system + meta.user).encode()) / BYTES_PER_TOKEN


def _mean(counts: Sequence[int]) -> float:
    return sum(counts) / len(counts)
