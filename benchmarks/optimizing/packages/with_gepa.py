"""gepa, as it comes, with an adapter over our answers and the operator of all contestants as custom proposer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gepa
from gepa.core.adapter import EvaluationBatch

from benchmarks.optimizing.packages.desk import Desk
from pmpo.optim.types import Example

COMPONENT = "prompt"


def optimize(desk: Desk) -> None:
    """One run with gepa's own defaults, until the cap: a minibatch of 3, the Pareto choice of parents.

    Raises:
        CapReachedError: the cap is reached.
    """
    gepa.optimize(
        seed_candidate={COMPONENT: desk.task.prompt},
        trainset=list(desk.task.train),
        valset=list(desk.task.validation),
        adapter=Adapter(desk),
        custom_candidate_proposer=Proposer(desk),
        callbacks=[Standing(desk)],
        stop_callbacks=lambda state: desk.is_over(),
        seed=desk.task.seed,
    )


class Adapter:
    """A ``GEPAAdapter``: greedy answers, graded by the job's metric."""

    propose_new_texts = None

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def evaluate(self, batch: list[Example], candidate: dict[str, str], capture_traces: bool = False) -> Any:
        """See ``GEPAAdapter.evaluate``."""
        answers = self._desk.answers([candidate[COMPONENT]] * len(batch), batch)
        scores = [self._desk.task.grader.grade(row, text) for row, text in zip(batch, answers, strict=True)]
        return EvaluationBatch(answers, scores, list(batch) if capture_traces else None)

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Any, components_to_update: list[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """See ``GEPAAdapter.make_reflective_dataset``."""
        records = [
            {"Example": row, "Generated Outputs": text, "Feedback": f"the right answer is {row.target}", "score": score}
            for row, text, score in zip(eval_batch.trajectories, eval_batch.outputs, eval_batch.scores, strict=True)
        ]
        return dict.fromkeys(components_to_update, records)


class Proposer:
    """A ``ProposalFn``: the shared operator, shown the example of the minibatch that went worst."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def __call__(
        self,
        candidate: dict[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: list[str],
    ) -> dict[str, str]:
        """A new text for each component."""
        worst = [min(reflective_dataset[name], key=lambda record: record["score"]) for name in components_to_update]
        old = [candidate[name] for name in components_to_update]
        new = self._desk.rewrites(old, [record["Example"] for record in worst])
        return dict(zip(components_to_update, new, strict=True))


class Standing:
    """A ``GEPACallback``: the trial stands for the candidate with the best mean on the validation set."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def on_iteration_end(self, event: Mapping[str, Any]) -> None:
        """A round is over."""
        self._desk.num_rounds += 1

    def on_valset_evaluated(self, event: Mapping[str, Any]) -> None:
        """A candidate was evaluated on all of it."""
        if event["is_best_program"]:
            self._desk.stand_for(event["candidate"][COMPONENT])
