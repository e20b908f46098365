"""What a search will probably use, before it runs: tokens and money of a run to its full number of iterations.

Exact are the seeds' scoring, the rungs of the selection and the final test's rows. The rest is assumed, and the
assumptions are values here: how many rewrites pass the guards, how many rounds bring a new incumbent, how long rewrites
are. A search that stops early uses less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pmpo.optim.acceptance import MIN_TEST_EXAMPLES
from pmpo.optim.bounds import TokenCounts
from pmpo.optim.importance import units_of
from pmpo.optim.rewrite import MetaPrompt
from pmpo.optim.selection import SelectionPolicy
from pmpo.optim.spec import SearchSpec
from pmpo.optim.tariff import PICO, Reservation, Tariff

TAGS_TOKENS = 8  # <prompt> and </prompt>, and the end of turn
MARK_TOKENS = 8  # <mask> and </mask>
SHORTEST_REWRITE_TOKENS = 16  # whoever rewrites "Do it." writes a sentence or two
BYTES_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What nobody knows before a run.

    Attributes:
        usable: share of rewrites that pass the guards.
        accepted: share of rounds that end with a new incumbent.
        validated: candidates scored on the validation set in a round.
        growth: length of rewrites over that of the seed prompt.
        num_units: units of a rewrite in the mask analysis; as many as the seed prompt has, where it has more.
        answer_growth: length of generated answers over that of the known outputs.
    """

    usable: float
    accepted: float
    validated: float
    growth: float
    num_units: int
    answer_growth: float


LOW = Assumptions(usable=0.4, accepted=0.05, validated=0.1, growth=0.7, num_units=1, answer_growth=0.7)
EXPECTED = Assumptions(usable=0.9, accepted=0.25, validated=0.35, growth=1.0, num_units=3, answer_growth=1.0)
HIGH = Assumptions(usable=1.0, accepted=0.5, validated=1.0, growth=1.8, num_units=5, answer_growth=2.0)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Use of a run to its full number of iterations, three times: ``low`` and ``high`` hold most runs."""

    low: Reservation
    expected: Reservation
    high: Reservation


def estimate(counts: TokenCounts, spec: SearchSpec, policy: SelectionPolicy, answer_tokens: float) -> Estimate:
    """What the search will use.

    Args:
        counts: tokens of the seed prompts.
        spec: the search; its caps are not looked at.
        policy: how candidates are selected.
        answer_tokens: mean length of the known outputs.
    """
    low, expected, high = (
        _Forecast(counts, spec, policy, answer_tokens, assumed).total() for assumed in (LOW, EXPECTED, HIGH)
    )
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
        self._answer_tokens = min(answer_tokens * assumed.answer_growth + 1, float(spec.max_answer_tokens))
        seed = max(counts.prompt, *(other.prompt for other in counts.others)) if counts.others else counts.prompt
        wanted = max(seed * assumed.growth, SHORTEST_REWRITE_TOKENS)
        self._rewrite_tokens = min(wanted, float(max(spec.max_prompt_tokens, seed)))
        self._num_copies = counts.max_row_targets * spec.num_target_models  # of the prompt, for all targets of a row
        self._growth = self._num_copies * (self._rewrite_tokens - counts.prompt)
        self._num_hard = min(spec.hard_examples, len(counts.train))
        self._num_analyses = 1 + assumed.accepted * (spec.iterations - 1)

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
        num_units = min(max(self._assumed.num_units, len(known)), spec.max_units)
        whole = sum(train) + len(train) * self._growth
        later = num_units * whole - num_copies * self._rewrite_tokens
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
        candidates = round(self._num_hard * self._spec.variants * self._assumed.usable)
        cells = self._policy.expected_cells(candidates, len(counts.train))
        scored = iterations * cells * (_mean(counts.train) + self._growth)
        validation = sum(counts.validation) + len(counts.validation) * self._growth
        scored += iterations * self._assumed.validated * validation
        scored += 2 * sum(self._tested) + len(self._tested) * self._growth
        return self._tariff.scoring(round(scored))

    def _answering(self) -> Reservation:
        if not self._spec.with_accuracy:
            return Reservation()
        counts = self._counts
        num_validations = 1 + self._assumed.accepted * self._spec.iterations
        num_answers = num_validations * len(counts.validation) + 2 * len(self._tested)
        read = num_validations * sum(counts.validation) + 2 * sum(self._tested) + num_answers * self._growth
        return self._tariff.answering(round(num_answers * self._answer_tokens), round(read / self._num_copies))


def _form_tokens(meta: MetaPrompt) -> float:
    return len((meta.system + meta.user).encode()) / BYTES_PER_TOKEN


def _mean(counts: Sequence[int]) -> float:
    return sum(counts) / len(counts)
