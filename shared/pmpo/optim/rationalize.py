"""Rationales: let the target model reason, keep what ends in the right answer, and make it the row's target.

Answer-only targets punish prompts that ask for reasoning: under them the likely first token is the answer. A row whose
target is a reasoning that the model itself gives, and that ends right, does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pmpo.errors import InvalidInputError
from pmpo.optim.answers import conversation
from pmpo.optim.budget import Ledger, require
from pmpo.optim.events import Event, RationalesFinished, RowRationalized, StopReason
from pmpo.optim.journal import JournaledPorts, SearchPorts
from pmpo.optim.proposing import derived_seed
from pmpo.optim.spec import BudgetCaps
from pmpo.optim.tariff import Reservation
from pmpo.optim.types import Completion, Example, GenerationRequest

MAX_BATCH_ROWS = 8
INSTRUCTION = (
    "Work the task out in a few short steps before you settle on a result. Then close with one line of this form, "
    "with the result in the place of the dots: The answer is ..."
)


class RationaleReader(Protocol):
    """Reads what the model wrote."""

    def read(self, example: Example, text: str) -> tuple[str, str]:
        """(target, "") when the text reasons and ends right; ("", why not) in few words when it does not."""
        ...


@dataclass(frozen=True, slots=True)
class RationaleRule:
    """How rationales are drawn: ``samples`` a row, each of at most ``max_tokens``."""

    prompt: str
    samples: int = 4
    max_tokens: int = 256
    temperature: float = 0.8
    top_p: float = 0.95
    caps: BudgetCaps = field(default_factory=BudgetCaps)
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what draws nothing."""
        if self.samples < 1 or self.max_tokens < 1:
            raise InvalidInputError("rationalize: samples and max_tokens must both be at least 1")

    @property
    def reservation(self) -> Reservation:
        """What one row generates at most."""
        return Reservation(generated_tokens=self.samples * self.max_tokens)


async def rationalize(
    rule: RationaleRule, examples: Sequence[Example], reader: RationaleReader, ports: SearchPorts
) -> AsyncIterator[Event]:
    """One RowRationalized for every row, in order, then RationalesFinished. Of several right texts the first is taken.

    A row without a rationale is an event like any other: with the reason for each of its samples, or ``budget``.

    Raises:
        BudgetTooSmallError: the caps do not cover one row.
        JournalMismatchError: the journal to replay belongs to another job.
        PmpoError: whatever a port raises.
    """
    require(rule.caps, rule.reservation)
    asked, ledger = JournaledPorts(ports), Ledger(rule.caps)
    number, done, num_right = 0, 0, 0
    stop: StopReason = "all_tried"
    while done < len(examples):
        batch = await _next_batch(rule, examples[done:], asked, ledger)
        if not batch:
            stop = "budget"
            break
        for example, completions in zip(batch, await _sample(rule, batch, asked, ledger), strict=True):
            number += 1
            event = _judged(number, example, completions, reader)
            num_right += event.target is not None
            yield event
        done += len(batch)
    for example in examples[done:]:
        number += 1
        yield RowRationalized(number, example.index, None, 0, 0, "the budget ran out before this row")
    spent = ledger.spent(await asked.elapsed_s())
    yield RationalesFinished(number + 1, stop, len(examples), num_right, spent)


async def _next_batch(
    rule: RationaleRule, left: Sequence[Example], asked: JournaledPorts, ledger: Ledger
) -> Sequence[Example]:
    """As many rows as fit under the caps, at most eight; none when not one fits."""
    if rule.caps.seconds is not None and await asked.elapsed_s() >= rule.caps.seconds:
        return ()
    size = min(MAX_BATCH_ROWS, len(left))
    while size and not ledger.has_room(_room(rule, size)):
        size -= 1
    return left[:size]


async def _sample(
    rule: RationaleRule, batch: Sequence[Example], asked: JournaledPorts, ledger: Ledger
) -> list[list[Completion]]:
    """``rule.samples`` texts for each row, paid for."""
    prompt = f"{rule.prompt.rstrip()}\n\n{INSTRUCTION}"
    call = asked.num_calls + 1
    requests = [
        GenerationRequest(
            conversation(prompt, example),
            rule.samples,
            rule.max_tokens,
            rule.temperature,
            rule.top_p,
            derived_seed(rule.seed, call, position),
        )
        for position, example in enumerate(batch)
    ]
    held = ledger.try_reserve(_room(rule, len(batch)))
    assert held is not None
    answers = await asked.answer(requests)
    written = sum(completion.num_tokens for row in answers for completion in row)
    ledger.settle(held, Reservation(generated_tokens=written))
    return answers


def _judged(
    number: int, example: Example, completions: Sequence[Completion], reader: RationaleReader
) -> RowRationalized:
    """The first right text as the row's new target; a text that was cut off is no rationale."""
    readings = [
        ("", "cut off") if completion.finish_reason == "length" else reader.read(example, completion.text)
        for completion in completions
    ]
    right = [target for target, _ in readings if target]
    reasons = Counter(why for target, why in readings if not target)
    detail = ", ".join(f"{count} {why}" for why, count in reasons.items())
    return RowRationalized(number, example.index, right[0] if right else None, len(right), len(completions), detail)


def _room(rule: RationaleRule, num_rows: int) -> Reservation:
    return Reservation(generated_tokens=num_rows * rule.reservation.generated_tokens)
