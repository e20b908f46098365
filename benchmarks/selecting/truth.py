"""Ground truth: how good every candidate of a pool really is, on a large test set that no policy sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.engine import Engine
from benchmarks.jobs import JobData
from pmpo.optim.answers import accuracy, answer_requests
from pmpo.optim.losses import batch_loss, weights_of


async def measure_truth(engine: Engine, data: JobData, prompts: Sequence[str]) -> dict[str, Any]:
    """Test accuracy and test loss of each prompt, and its loss on every row, as plain values.

    Accuracy is that of greedy answers; of pairs it is the share whose chosen answer is the likelier one.
    """
    test = data.splits.test
    scores = await engine.score(prompts, test)
    losses = data.objective.losses(scores, test)  # (prompts, rows)
    wins = data.objective.wins(scores) if data.is_paired else None
    accuracies = await _accuracies(engine, data, prompts) if wins is None else [float(row.mean()) for row in wins]
    return {
        "num_test": len(test),
        "accuracy": [round(value, 5) for value in accuracies],
        "loss": [round(batch_loss(row, weights_of(test)), 5) for row in losses],
        "losses": [[round(float(value), 5) for value in row] for row in losses],
    }


async def _accuracies(engine: Engine, data: JobData, prompts: Sequence[str]) -> list[float]:
    test = data.splits.test
    requests = [answer_requests(prompt, test, data.max_answer_tokens) for prompt in prompts]
    return [accuracy(test, answers, data.grader) for answers in await engine.generate_all(requests)]
