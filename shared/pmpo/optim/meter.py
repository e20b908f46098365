"""Measuring under a budget: losses of prompts on a set of examples, each cell paid for once and never over a cap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pmpo.errors import UpstreamError
from pmpo.optim.answers import accuracy, answer_requests
from pmpo.optim.budget import Ledger, Reservation
from pmpo.optim.journal import JournaledPorts
from pmpo.optim.losses import Floats, Objective, batch_loss, check_finite, weights_of
from pmpo.optim.ports import Grader
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
        reserved = self._ledger.try_reserve(Reservation(scored_tokens=tokens))
        if reserved is None:
            raise BudgetExhaustedError(f"{tokens} scored tokens do not fit under the cap")
        examples = [table.examples[position] for position in todo]
        scores = await self._ports.score(wanted, examples)
        if scores.scored_tokens != tokens:
            raise UpstreamError(f"the scorer counted {tokens} tokens beforehand and {scores.scored_tokens} after")
        self._ledger.settle(reserved, scored=tokens, computed=scores.computed_tokens)
        check_finite(scores, wanted, examples)
        for prompt, losses in zip(wanted, self._objective.losses(scores, examples), strict=True):
            table.row(prompt)[todo] = losses
        wins = self._objective.wins(scores)
        if wins is not None:
            for prompt, row in zip(wanted, wins, strict=True):
                table.set_wins(prompt, todo, row)

    async def rewrites(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        """Sample rewrites. Raises BudgetExhaustedError."""
        reserved = self._reserve_generation(requests)
        answers = await self._ports.rewrite(requests)
        self._ledger.settle(reserved, generated=_num_generated(answers))
        return answers

    async def accuracy(
        self, prompt: str, examples: Sequence[Example], max_tokens: int, held: Reservation | None = None
    ) -> float | None:
        """Accuracy of the target model's greedy answers; None without a grader or examples."""
        if self._grader is None or not examples:
            return None
        if held is not None:
            self._ledger.release(held)
        return accuracy(examples, await self.answers(answer_requests(prompt, examples, max_tokens)), self._grader)

    async def answers(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        """Ask the target model. Raises BudgetExhaustedError."""
        reserved = self._reserve_generation(requests)
        answers = await self._ports.answer(requests)
        self._ledger.settle(reserved, generated=_num_generated(answers))
        return answers

    def _reserve_generation(self, requests: Sequence[GenerationRequest]) -> Reservation:
        tokens = sum(request.num_samples * request.max_tokens for request in requests)
        reserved = self._ledger.try_reserve(Reservation(generated_tokens=tokens))
        if reserved is None:
            raise BudgetExhaustedError(f"{tokens} generated tokens do not fit under the cap")
        return reserved


def _num_generated(answers: Sequence[Sequence[Completion]]) -> int:
    return sum(completion.num_tokens for row in answers for completion in row)


def _distinct(prompts: object) -> list[str]:
    return list(dict.fromkeys(prompts))  # type: ignore[call-overload]


def _known(counts: NDArray[np.int64] | None) -> NDArray[np.int64]:
    assert counts is not None
    return counts
