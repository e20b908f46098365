"""The desk: where a package has prompts answered, graded and rewritten, and says which prompt it now stands for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.optimizing.priced import PricedEngine
from benchmarks.optimizing.rates import MAX_REWRITE_TOKENS
from pmpo.data.metrics import grader_for
from pmpo.optim.answers import answer_requests
from pmpo.optim.ports import Grader
from pmpo.optim.proposing import derived_seed
from pmpo.optim.reading import STOP, read_rewrite
from pmpo.optim.rewrite import RewriteContext, render_rewrite
from pmpo.optim.spec import Sampling
from pmpo.optim.types import Example, GenerationRequest
from pmpo.runs.meta_prompt import small_rewrite
from pmpo.text.placeholders import placeholders

SAMPLING = Sampling(max_tokens=MAX_REWRITE_TOKENS)
MAX_PROMPT_TOKENS = 600  # SearchSpec's


@dataclass(frozen=True, slots=True)
class Task:
    """What a package is given: the seed prompt, examples, how answers are graded, the seed."""

    prompt: str
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    grader: Grader
    max_answer_tokens: int
    seed: int

    @classmethod
    def read(cls, asked: Mapping[str, Any]) -> Task:
        """From JSON."""
        grader = grader_for(asked["metric"])
        assert grader is not None
        train, validation = (
            tuple(Example(**{**row, "targets": tuple(row["targets"])}) for row in asked[name])
            for name in ("train", "validation")
        )
        return cls(asked["prompt"], train, validation, grader, asked["max_answer_tokens"], asked["seed"])


@dataclass(slots=True)
class Desk:
    """Everything of the engine that a package may use. Every method raises CapReachedError when the cap is exceeded."""

    loop: asyncio.Runner
    engine: PricedEngine
    task: Task
    steps: list[dict[str, Any]] = field(default_factory=list)
    num_rewrites: int = 0
    num_rounds: int = 0

    def __post_init__(self) -> None:
        """The trial stands for the seed prompt at first."""
        self.stand_for(self.task.prompt)

    def answers(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[str]:
        """The greedy answer of each prompt to the example beside it, in one call."""
        limit = self.task.max_answer_tokens
        requests = [
            request
            for prompt, example in zip(prompts, examples, strict=True)
            for request in answer_requests(prompt, [example], limit)
        ]
        return [row[0].text for row in self.loop.run(self.engine.generate(requests))]

    def rewrites(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[str]:
        """The shared operator, one sample each, in one call; a prompt whose rewrite is of no use stays as it is."""
        requests = [self._request(prompt, example) for prompt, example in zip(prompts, examples, strict=True)]
        written = [row[0] for row in self.loop.run(self.engine.generate(requests))]
        found = [read_rewrite(text, prompt) or prompt for text, prompt in zip(written, prompts, strict=True)]
        lengths = self.loop.run(self.engine.count_tokens(found))
        return [
            rewrite if length <= MAX_PROMPT_TOKENS and not placeholders(rewrite) else prompt
            for rewrite, length, prompt in zip(found, lengths, prompts, strict=True)
        ]

    def is_over(self) -> bool:
        """Is the cap used up?"""
        return self.engine.elapsed_s() >= self.engine.cap_s

    def stand_for(self, prompt: str) -> None:
        """From now on this is the best that the trial has."""
        if not self.steps or self.steps[-1]["prompt"] != prompt:
            self.steps.append({"prompt": prompt, **asdict(self.engine.spent)})

    def result(self) -> dict[str, Any]:
        """The trial, as ``benchmarks.optimizing.trial.run_trial`` gives it."""
        return {"steps": self.steps, "rounds": self.num_rounds, "total": asdict(self.engine.spent)}

    def _request(self, prompt: str, example: Example) -> GenerationRequest:
        self.num_rewrites += 1
        shown = RewriteContext(prompt, example.input, example.target, limit=MAX_PROMPT_TOKENS)
        return GenerationRequest(
            render_rewrite(small_rewrite(), shown),
            num_samples=1,
            max_tokens=SAMPLING.max_tokens,
            temperature=SAMPLING.temperature,
            top_p=SAMPLING.top_p,
            seed=derived_seed(self.task.seed, self.num_rewrites, 0),
            stop=(STOP,),
        )
