"""Upper bounds of what a search can cost: what the final test reserves, and the smallest budget that makes sense."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pmpo.optim.rewrite import MetaPrompt
from pmpo.optim.selection import SelectionPolicy
from pmpo.optim.spec import SearchSpec
from pmpo.optim.tariff import Reservation, Tariff
from pmpo.optim.types import Example, GenerationRequest, Splits

BOUNDARY_SLACK_TOKENS = 4
TEMPLATE_SLACK_TOKENS = 64  # what a chat template puts around the turns of one conversation
TAG_TOKENS = 16  # a pair of tags and the end of turn


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens of a seed prompt scored on each example of the three sets, and of the seed prompt alone.

    Attributes:
        train, validation, test: (N,) each; ``test`` is empty for further seed prompts, which are not tested.
        prompt: tokens of the prompt alone.
        others: the further seed prompts.
        largest_row_bytes: bytes of the longest training row, input and target: a rewriter reads it whole.
        max_row_targets: the most targets that an example has: a pair is scored as two sequences, each with its
            context.
    """

    train: Sequence[int]
    validation: Sequence[int]
    test: Sequence[int]
    prompt: int
    others: Sequence[TokenCounts] = ()
    largest_row_bytes: int = 0
    max_row_targets: int = 1


def most_targets(splits: Splits) -> int:
    """The most targets that an example of the three sets has."""
    return max(len(example.targets) for example in (*splits.train, *splits.validation, *splits.test))


def largest_row_bytes(examples: Iterable[Example]) -> int:
    """Bytes of the longest row, input and target."""
    return max((len(example.input.encode()) + len(example.target.encode()) for example in examples), default=0)


def max_rewrite_tokens(spec: SearchSpec) -> int:
    """Tokens that one sampled rewrite may take: the longest prompt, its tags and the end of turn."""
    return min(spec.sampling.max_tokens, spec.max_prompt_tokens + TAG_TOKENS)


def max_marked_tokens(spec: SearchSpec) -> int:
    """Tokens that a copy of a prompt with mask tags may take."""
    return max_rewrite_tokens(spec) + spec.max_units * TAG_TOKENS


def max_read_tokens(request: GenerationRequest) -> int:
    """Tokens that a generator may count for a request's conversation: a token is a byte at the least."""
    return sum(len(turn.content.encode()) for turn in request.messages) + TEMPLATE_SLACK_TOKENS


def max_answer_prompt_tokens(counts: Sequence[int]) -> int:
    """The same for answering rows whose scoring counts ``counts``: a scored row holds the conversation and a target."""
    return sum(counts) + TEMPLATE_SLACK_TOKENS * len(counts)


def longest(rows: Sequence[int], counts: TokenCounts, spec: SearchSpec) -> int:
    """Upper bound of scoring the longest allowed prompt on every example of ``rows``, one of the sets of ``counts``."""
    return sum(rows) + _growth(counts, spec) * len(rows)


def final_scoring(counts: TokenCounts, spec: SearchSpec) -> tuple[Reservation, Reservation]:
    """What scoring the test set costs at most: with the seed prompt, and with the final one."""
    tariff = Tariff(spec.prices)
    return tariff.scoring(sum(counts.test)), tariff.scoring(longest(counts.test, counts, spec))


def final_answering(counts: TokenCounts, spec: SearchSpec) -> tuple[Reservation, Reservation]:
    """What answering the test set costs at most: with the seed prompt, and with the final one."""
    return answering(counts.test, spec), answering(grown(counts.test, counts, spec), spec)


def answering(counts: Sequence[int], spec: SearchSpec) -> Reservation:
    """What answering the rows whose scoring counts ``counts`` costs at most; nothing without a metric."""
    if not spec.with_accuracy:
        return Reservation()
    return Tariff(spec.prices).answering(len(counts) * spec.max_answer_tokens, max_answer_prompt_tokens(counts))


def minimum_budget(counts: TokenCounts, spec: SearchSpec, policy: SelectionPolicy) -> Reservation:
    """The smallest budget that covers the seeds' scoring, one iteration (if any is asked for) and the final test."""
    parts = (
        _first_scoring(counts, spec),
        _one_iteration(counts, spec, policy) if spec.iterations else Reservation(),
        *final_scoring(counts, spec),
        *final_answering(counts, spec),
    )
    return sum(parts, start=Reservation())


def covered_by_minimum(spec: SearchSpec) -> str:
    """What ``minimum_budget`` is for, as a refusal says it."""
    return "the final test and one iteration" if spec.iterations else "the prompt's scoring and the final test"


def _first_scoring(counts: TokenCounts, spec: SearchSpec) -> Reservation:
    """The seed prompts on training and validation examples, and the answers of the first and of the best."""
    seeds = (counts, *counts.others)
    needed = Tariff(spec.prices).scoring(sum(sum(seed.train) + sum(seed.validation) for seed in seeds))
    needed += answering(counts.validation, spec)
    if counts.others:
        needed += answering(_largest([seed.validation for seed in counts.others]), spec)
    return needed


def _one_iteration(counts: TokenCounts, spec: SearchSpec, policy: SelectionPolicy) -> Reservation:
    tariff = Tariff(spec.prices)
    seeds = (counts, *counts.others)
    num_rewrites = min(spec.hard_examples, len(counts.train)) * spec.variants
    cells = policy.max_cells(num_rewrites, len(counts.train))
    masked = max(sum(seed.train) for seed in seeds) + boundary_slack(counts, spec) * len(counts.train)
    scored = spec.max_units * masked
    scored += cells * (max(counts.train) + _growth(counts, spec))
    scored += 2 * longest(counts.validation, counts, spec)
    needed = tariff.scoring(scored) + answering(grown(counts.validation, counts, spec), spec)
    read = min(spec.hard_examples, len(counts.train)) * read_bytes(spec.rewrite_meta, counts, spec)
    needed += tariff.rewriting(num_rewrites * max_rewrite_tokens(spec), read)
    if spec.units == "model" and spec.mask_meta is not None:
        needed += tariff.rewriting(max_marked_tokens(spec), read_bytes(spec.mask_meta, counts, spec))
    return needed


def read_bytes(meta: MetaPrompt, counts: TokenCounts, spec: SearchSpec) -> int:
    """Upper bound of a first request: the form, the longest seed with its table of units, what to keep, a row."""
    prompt = max(len(prompt.encode()) for prompt in spec.seeds)
    kept = sum(len(text.encode()) + 2 for text in (*spec.protected, spec.task))
    form = len(meta.system.encode()) + len(meta.user.encode())
    return form + 3 * prompt + kept + counts.largest_row_bytes + spec.max_units * 32 + TEMPLATE_SLACK_TOKENS


def boundary_slack(counts: TokenCounts, spec: SearchSpec) -> int:
    """Tokens that an example may count more than its parts, for every target under every model."""
    return BOUNDARY_SLACK_TOKENS * counts.max_row_targets * spec.num_target_models


def grown(rows: Sequence[int], counts: TokenCounts, spec: SearchSpec) -> list[int]:
    """Upper bounds for each of ``rows``, one of the sets of ``counts``, under the longest allowed prompt."""
    return [row + _growth(counts, spec) for row in rows]


def _largest(rows: Sequence[Sequence[int]]) -> list[int]:
    """The row with the largest sum."""
    return list(max(rows, key=sum))


def _growth(counts: TokenCounts, spec: SearchSpec) -> int:
    """Tokens by which the longest allowed prompt can exceed the seed prompt on one example."""
    if spec.num_target_models > 1:  # each model counts the seed prompt in its own way: only the limit bounds them all
        return counts.max_row_targets * spec.num_target_models * (spec.max_prompt_tokens + BOUNDARY_SLACK_TOKENS)
    return counts.max_row_targets * (max(0, spec.max_prompt_tokens - counts.prompt) + BOUNDARY_SLACK_TOKENS)
