"""CAPO of promptolution, as it comes, over our answers, with the operator that all contestants share.

Its crossover is done by rule (``pmpo.baselines.operators.crossed``) and its mutation by the shared operator, as for our
own rivals: the bundled model reads one prompt, and no other meta-prompt. It adds no demonstrations to prompts: nobody
here does. It is given training and validation examples as its one development set.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from promptolution.llms.base_llm import BaseLLM
from promptolution.optimizers.capo import CAPO
from promptolution.predictors.base_predictor import BasePredictor
from promptolution.tasks.base_task import BaseTask
from promptolution.utils.callbacks import BaseCallback

from benchmarks.optimizing.packages.desk import Desk
from pmpo.baselines.operators import crossed
from pmpo.optim.types import Example

POPULATION = 6
BLOCK = 6
MAX_STEPS = 1_000
BETWEEN = "\n<and>\n"


def optimize(desk: Desk) -> None:
    """One run until the cap, from the seed prompt and rewrites of it.

    Raises:
        CapReachedError: the cap is reached while the first population is written.
    """
    random.seed(desk.task.seed)
    rows = [*desk.task.train, *desk.task.validation]
    frame = pd.DataFrame({"x": [row.input for row in rows], "y": [row.target for row in rows]})
    seed = desk.task.prompt
    written = desk.rewrites([seed] * (POPULATION - 1), random.sample(rows, POPULATION - 1))
    CAPO(
        predictor=Predictor(Answerer(desk)),
        task=Graded(frame, rows, desk),
        meta_llm=Operator(desk, rows),
        initial_prompts=[seed, *written],
        crossover_template=f"<mother>{BETWEEN}<father>",
        mutation_template="<instruction>",
        upper_shots=0,
        df_few_shots=frame.head(0),
        callbacks=[Standing(desk)],
    ).optimize(MAX_STEPS)


class Operator(BaseLLM):  # type: ignore[misc]
    """CAPO's meta model: two prompts are crossed by rule, one is rewritten."""

    def __init__(self, desk: Desk, rows: Sequence[Example]) -> None:
        super().__init__()
        self._desk = desk
        self._rows = list(rows)
        self._rng = np.random.default_rng(desk.task.seed)

    def _get_response(self, prompts: list[str], system_prompts: list[str]) -> list[str]:
        if all(BETWEEN in prompt for prompt in prompts):
            pairs = [prompt.split(BETWEEN, 1) for prompt in prompts]
            return [crossed(mother, father, (), self._rng) for mother, father in pairs]
        return self._desk.rewrites(prompts, random.choices(self._rows, k=len(prompts)))


class Answerer(BaseLLM):  # type: ignore[misc]
    """The model that answers. The predictor asks the desk itself, because a prompt and an input are two turns."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    def _get_response(self, prompts: list[str], system_prompts: list[str]) -> list[str]:
        rows = [Example(index, text, ("",)) for index, text in enumerate(prompts)]
        return self.desk.answers(system_prompts, rows)


class Predictor(BasePredictor):  # type: ignore[misc]
    """Answers as they are."""

    def predict(self, prompts: Any, xs: list[str], system_prompts: Any = None) -> tuple[list[str], list[str]]:
        """See ``BasePredictor.predict``: a prompt is the system message, an input the user's."""
        system = [prompts] * len(xs) if isinstance(prompts, str) else prompts
        answers = self.llm.get_response(xs, system_prompts=system)
        return answers, answers

    def _extract_preds(self, preds: list[str]) -> list[str]:
        return preds


class Graded(BaseTask):  # type: ignore[misc]
    """Answers graded by the job's metric, in blocks of 6: the package's default of 30 would leave one block."""

    def __init__(self, frame: Any, rows: Sequence[Example], desk: Desk) -> None:
        super().__init__(frame, "x", "y", n_subsamples=BLOCK, eval_strategy="sequential_block", seed=desk.task.seed)
        self.task_type = "classification"
        self._desk = desk
        self._rows = {row.input: row for row in rows}

    def _evaluate(self, xs: list[str], ys: list[str], preds: list[str]) -> Any:
        grade = self._desk.task.grader.grade
        return np.array([grade(self._rows[x], pred) for x, pred in zip(xs, preds, strict=True)])


class Standing(BaseCallback):  # type: ignore[misc]
    """The trial stands for the first prompt of the population after each step."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def on_step_end(self, optimizer: Any) -> bool:
        """See ``BaseCallback.on_step_end``."""
        self._desk.num_rounds += 1
        self._desk.stand_for(optimizer.prompts[0].instruction)
        return not self._desk.is_over()
