"""Measuring under a budget: losses of prompts on a set of examples, each cell paid for once and never over a cap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pmpo.errors import UpstreamError
from pmpo.optim.answers import accuracy, answer_requests
from pmpo.optim.bounds import max_answer_prompt_tokens, max_read_tokens
from pmpo.optim.budget import Ledger
from pmpo.optim.journal import JournaledPorts
from pmpo.optim.losses import Floats, Objective, batch_loss, check_finite, weights_of
from pmpo.optim.ports import Grader
from pmpo.optim.tariff import Reservation
from pmpo.optim.types import Completion, Example, GenerationRequest


class BudgetExhaustedError(Exception):
    """A reservation did not fit: the round ends before the call, nothing was paid."""


class LossTable:
    """Known losses of prompts on one fixed set of examples: a row a prompt, NaN where not measured."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = tuple(examples)
        self.weights = weights_of(self.examples)
        self._losses: dict[str, Floats] = {}
        self._wins: dict[str, NDArray[np.bool_]] = {}
        self._counts: dict[str, NDArray[np.int64]] = {}

    def __len__(self) -> int:
        return len(self.examples)

    def row(self, prompt: str) -> Floats:
        """(N,) losses of ``prompt``; NaN where not measured. Mutable: the table's own row."""
        return self._losses.setdefault(prompt, np.full(len(self), np.nan))

    def complete(self, prompt: str) -> tuple[float, ...]:
        """The losses of ``prompt`` on every example, in order; empty when one of them is not known."""
        row = self._losses.get(prompt)
        return () if row is None or np.isnan(row).any() else tuple(map(float, row))

    def set_wins(self, prompt: str, positions: Sequence[int], wins: NDArray[np.bool_]) -> None:
        """Remember at which of ``positions`` the right answer is the likeliest."""
        self._wins.setdefault(prompt, np.zeros(len(self), dtype=np.bool_))[list(positions)] = wins

    def win_share(self, prompt: str) -> float | None:
        """Share of the examples whose right answer is the likeliest; None where the objective has nothing to compare.

        Only for a prompt that was measured on every example.
        """
        wins = self._wins.get(prompt)
        return None if wins is None else float(wins.mean())

    def counts(self, prompt: str) -> NDArray[np.int64] | None:
        """(N,) tokens that scoring ``prompt`` on each example counts; None when not asked yet."""
        return self._counts.get(prompt)

    def set_counts(self, prompt: str, counts: Sequence[int]) -> None:
        """Remember the (N,) token counts of ``prompt``."""
        self._counts[prompt] = np.array(counts, dtype=np.int64)

    def mean(self, prompt: str, positions: Sequence[int] | None = None) -> float:
        """Equation 4 over all examples, or over those at ``positions``."""
        where = slice(None) if positions is None else list(positions)
        return batch_loss(self.row(prompt)[where], self.weights[where])

    def scaled(self, prompt: str, positions: Sequence[int]) -> Floats:
        """(positions,) losses times reward over mean reward: their plain mean is the weighted one."""
        weights = self.weights[list(positions)]
        return self.row(prompt)[list(positions)] * weights / (weights.mean() or 1.0)


class Meter:
    """Asks the journaled ports, under the ledger."""

    def __init__(self, ports: JournaledPorts, ledger: Ledger, objective: Objective, grader: Grader | None) -> None:
        self._ports = ports
        self._ledger = ledger
        self._objective = objective
        self._grader = grader

    async def count(self, table: LossTable, prompts: Sequence[str]) -> None:
        """Learn the token counts of every prompt on the whole table. Raises TooLongError."""
        unknown = _distinct(prompt for prompt in prompts if table.counts(prompt) is None)
        if unknown and len(table):
            for prompt, counts in zip(
                unknown, await self._ports.num_scored_tokens(unknown, table.examples), strict=True
            ):
                table.set_counts(prompt, counts)

    async def measure(
        self,
        table: LossTable,
        prompts: Sequence[str],
        positions: Sequence[int] | None = None,
        held: Reservation | None = None,
    ) -> None:
        """Fill the table's cells of ``prompts`` at ``positions`` (all when None) that are not known yet.

        ``held`` is a reservation made earlier that this call may use; it is given back first.

        Raises:
            BudgetExhaustedError: the cells do not fit under the caps; nothing was asked.
            NonFiniteScoreError: a log-likelihood is no finite number; names the row and the prompt.
        """
        where = list(range(len(table)) if positions is None else positions)
        wanted = _distinct(prompt for prompt in prompts if np.isnan(table.row(prompt)[where]).any())
        if held is not None:
            self._ledger.release(held)
        if not wanted:
            return
        todo = [position for position in where if any(np.isnan(table.row(prompt)[position]) for prompt in wanted)]
        await self.count(table, wanted)
        tokens = sum(int(_known(table.counts(prompt))[todo].sum()) for prompt in wanted)
        reserved = self._reserve(self._ledger.tariff.scoring(tokens))
        examples = [table.examples[position] for position in todo]
        scores = await self._ports.score(wanted, examples)
        if scores.scored_tokens != tokens:
            raise UpstreamError(f"the scorer counted {tokens} tokens beforehand and {scores.scored_tokens} after")
        self._ledger.settle(reserved, reserved, computed=scores.computed_tokens)
        check_finite(scores, wanted, examples)
        for prompt, losses in zip(wanted, self._objective.losses(scores, examples), strict=True):
            table.row(prompt)[todo] = losses
        wins = self._objective.wins(scores)
        if wins is not None:
            for prompt, row in zip(wanted, wins, strict=True):
                table.set_wins(prompt, todo, row)

    async def rewrites(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        """Ask the rewriter. Raises BudgetExhaustedError."""
        tariff, read = self._ledger.tariff, sum(map(max_read_tokens, requests))
        reserved = self._reserve(tariff.rewriting(_most_written(requests), read))
        answers = await self._ports.rewrite(requests)
        used = tariff.rewriting(_num_written(answers), self._num_read(answers, read))
        self._ledger.settle(reserved, used)
        return answers

    async def accuracy(
        self, prompt: str, table: LossTable, max_tokens: int, held: Reservation | None = None
    ) -> float | None:
        """Accuracy of the target model's greedy answers to the table's rows; None without a grader or rows.

        ``held`` is a reservation made earlier that this call may use; it is given back first.

        Raises:
            BudgetExhaustedError: the answers do not fit under the caps; nothing was asked.
        """
        if self._grader is None or not len(table):
            return None
        return accuracy(table.examples, await self.answers(prompt, table, max_tokens, held=held), self._grader)

    async def answers(
        self,
        prompt: str,
        table: LossTable,
        max_tokens: int,
        positions: Sequence[int] | None = None,
        held: Reservation | None = None,
    ) -> list[list[Completion]]:
        """The target model's greedy answers to the table's rows at ``positions`` (all when None).

        ``held``, and what is raised: as for ``accuracy``.
        """
        where = list(range(len(table)) if positions is None else positions)
        tariff, read = self._ledger.tariff, 0
        if tariff.charges_prompts:
            await self.count(table, [prompt])
            read = max_answer_prompt_tokens(_known(table.counts(prompt))[where].tolist())
        requests = answer_requests(prompt, [table.examples[position] for position in where], max_tokens)
        if held is not None:
            self._ledger.release(held)
        reserved = self._reserve(tariff.answering(_most_written(requests), read))
        answers = await self._ports.answer(requests)
        used = tariff.answering(_num_written(answers), self._num_read(answers, read))
        self._ledger.settle(reserved, used)
        return answers

    def _reserve(self, wanted: Reservation) -> Reservation:
        reserved = self._ledger.try_reserve(wanted)
        if reserved is None:
            tokens = wanted.scored_tokens or wanted.generated_tokens
            kind = "scored" if wanted.scored_tokens else "generated"
            raise BudgetExhaustedError(f"{tokens} {kind} tokens more do not fit under the caps")
        return reserved

    def _num_read(self, answers: Sequence[Sequence[Completion]], most: int) -> int:
        """Tokens that the generator read, each request's once; 0 where they cost nothing.

        Raises:
            UpstreamError: it read more than the text has room for, so that the cap on money could not be kept.
        """
        if not self._ledger.tariff.charges_prompts:
            return 0
        read = sum(max((completion.num_prompt_tokens for completion in row), default=0) for row in answers)
        if read > most and self._ledger.caps.money is not None:
            raise UpstreamError(f"the generator counted {read} prompt tokens where at most {most} were expected")
        return read


def _most_written(requests: Sequence[GenerationRequest]) -> int:
    return sum(request.num_samples * request.max_tokens for request in requests)


def _num_written(answers: Sequence[Sequence[Completion]]) -> int:
    return sum(completion.num_tokens for row in answers for completion in row)


def _distinct(prompts: object) -> list[str]:
    return list(dict.fromkeys(prompts))  # type: ignore[call-overload]


def _known(counts: NDArray[np.int64] | None) -> NDArray[np.int64]:
    assert counts is not None
    return counts
