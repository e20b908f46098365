"""Evaluation: measure prompts as they are, each on every row, and compare the further ones with the first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from pmpo.optim.acceptance import MIN_TEST_EXAMPLES, compare
from pmpo.optim.bounds import answering
from pmpo.optim.budget import Ledger, require
from pmpo.optim.events import EvaluationFinished, Event, HardRow, PromptEvaluated, StopReason, TestComparison
from pmpo.optim.journal import JournaledPorts, SearchPorts
from pmpo.optim.losses import standard_error
from pmpo.optim.meter import LossTable, Meter
from pmpo.optim.ports import Grader
from pmpo.optim.spec import SearchSpec
from pmpo.optim.tariff import Reservation, Tariff
from pmpo.optim.types import Completion, Example

ROWS_A_CALL = 500
MAX_HARD = 20
MAX_CHARS = 300
COVERED = "measuring the first prompt on every row"


@dataclass(slots=True)
class _Run:
    spec: SearchSpec
    ports: JournaledPorts
    ledger: Ledger
    meter: Meter
    grader: Grader | None
    table: LossTable
    number: int = 0


async def evaluate(
    spec: SearchSpec, prompts: Sequence[str], examples: Sequence[Example], ports: SearchPorts
) -> AsyncIterator[Event]:
    """One PromptEvaluated for every prompt, in order, then EvaluationFinished. Nothing is rewritten.

    A prompt is begun only when the caps have room for all of it, so that none is measured on a part of the rows.

    Args:
        spec: the objective, the caps and how answers are generated; its own prompts are not looked at.
        prompts: at least one, each once.
        examples: every row.
        ports: the world; the rewriter is not asked.

    Raises:
        BudgetTooSmallError: the caps do not cover the first prompt.
        JournalMismatchError: the journal to replay belongs to another job.
        PmpoError: whatever a port raises.
    """
    asked, ledger = JournaledPorts(ports), Ledger(spec.caps, spec.prices)
    grader = ports.grader if spec.with_accuracy else None
    run = _Run(spec, asked, ledger, Meter(asked, ledger, spec.objective, grader), grader, LossTable(examples))
    for prompt in prompts:
        await run.meter.count(run.table, [prompt])
    alone = await asked.count_tokens(list(prompts))
    require(spec.caps, prompt_cost(_counts(run, prompts[0]), spec), COVERED)
    stop: StopReason = "all_tried"
    num_done = 0
    for prompt, num_tokens in zip(prompts, alone, strict=True):
        if not await _has_room(run, prompt):
            stop = "budget"
            break
        num_done += 1
        yield await _measured(run, prompt, num_tokens, place=num_done, first=prompts[0], num_prompts=len(prompts))
    spent = ledger.spent(await asked.elapsed_s())
    yield EvaluationFinished(run.number + 1, stop, len(prompts), num_done, len(examples), spent)


def prompt_cost(counts: Sequence[int], spec: SearchSpec) -> Reservation:
    """The most that one prompt costs on the rows whose scoring counts ``counts``."""
    return Tariff(spec.prices).scoring(sum(counts)) + answering(counts, spec)


async def _has_room(run: _Run, prompt: str) -> bool:
    seconds = run.spec.caps.seconds
    if seconds is not None and await run.ports.elapsed_s() >= seconds:
        return False
    return run.ledger.has_room(prompt_cost(_counts(run, prompt), run.spec))


async def _measured(
    run: _Run, prompt: str, num_tokens: int, *, place: int, first: str, num_prompts: int
) -> PromptEvaluated:
    """Losses and grades of one prompt on every row, a bounded number of rows a call."""
    answers: list[list[Completion]] = []
    for positions in _pieces(len(run.table)):
        await run.meter.measure(run.table, [prompt], positions)
    if run.grader is not None:
        for positions in _pieces(len(run.table)):
            answers += await run.meter.answers(prompt, run.table, run.spec.max_answer_tokens, positions)
    grades = _grades(run, answers)
    run.number += 1
    return PromptEvaluated(
        number=run.number,
        place=place,
        num_prompts=num_prompts,
        prompt=prompt,
        num_tokens=num_tokens,
        loss=run.table.mean(prompt),
        standard_error=standard_error(run.table.row(prompt), run.table.weights),
        accuracy=None if grades is None else sum(grades) / len(grades),
        preferred=run.table.win_share(prompt),
        rows=tuple(example.index for example in run.table.examples),
        losses=run.table.complete(prompt),
        grades=grades,
        hardest=_hardest(run, prompt, answers, grades),
        comparison=_compared(run, first, prompt),
        spent=run.ledger.spent(await run.ports.elapsed_s()),
    )


def _compared(run: _Run, first: str, prompt: str) -> TestComparison | None:
    """The paired test against the first prompt; None for itself and on fewer rows than a test needs."""
    if prompt == first or len(run.table) < MIN_TEST_EXAMPLES:
        return None
    found = compare(run.table.row(first), run.table.row(prompt), run.table.weights, run.spec.seed)
    return replace(found, losses_before=(), losses_after=())


def _grades(run: _Run, answers: Sequence[Sequence[Completion]]) -> tuple[float, ...] | None:
    if run.grader is None:
        return None
    return tuple(
        run.grader.grade(example, row[0].text) for example, row in zip(run.table.examples, answers, strict=True)
    )


def _hardest(
    run: _Run, prompt: str, answers: Sequence[Sequence[Completion]], grades: tuple[float, ...] | None
) -> tuple[HardRow, ...]:
    """The rows to look at: wrong answers first, then by falling loss."""
    losses, examples = run.table.row(prompt), run.table.examples
    order = sorted(range(len(examples)), key=lambda place: (1.0 if grades is None else grades[place], -losses[place]))
    return tuple(
        HardRow(
            row=examples[place].index,
            loss=float(losses[place]),
            input=examples[place].input[:MAX_CHARS],
            wanted=examples[place].target[:MAX_CHARS],
            answer=answers[place][0].text[:MAX_CHARS] if answers else None,
            grade=None if grades is None else grades[place],
        )
        for place in order[:MAX_HARD]
    )


def _counts(run: _Run, prompt: str) -> list[int]:
    counts = run.table.counts(prompt)
    assert counts is not None
    return [int(count) for count in counts]


def _pieces(num_rows: int) -> list[list[int]]:
    return [list(range(start, min(start + ROWS_A_CALL, num_rows))) for start in range(0, num_rows, ROWS_A_CALL)]
