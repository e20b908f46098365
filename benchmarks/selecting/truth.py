"""Ground truth: how good every candidate of a pool really is, on a large test set that no policy sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.engine import Engine
from benchmarks.jobs import JobData
from pmpo.optim.answers import accuracy, answer_requests
from pmpo.optim.losses import batch_loss, weights_of


async def measure_truth(engine: Engine, data: JobData, prompts: Sequence[str]) -> dict[str, Any]:
    """Test accuracy (greedy answers) and test loss of each prompt, as plain values."""
    test = data.splits.test
    weights = weights_of(test)
    scores = await engine.score(prompts, test)
    losses = [batch_loss(row, weights) for row in data.objective.losses(scores, test)]
    requests = [answer_requests(prompt, test, data.max_answer_tokens) for prompt in prompts]
    accuracies = [accuracy(test, answers, data.grader) for answers in await engine.generate_all(requests)]
    return {
        "num_test": len(test),
        "accuracy": [round(value, 5) for value in accuracies],
        "loss": [round(value, 5) for value in losses],
    }
