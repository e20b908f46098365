"""The runner: trials and tests that have not been run yet, dealt out to the crew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from benchmarks.cells import Cells
from benchmarks.engine import Engine
from benchmarks.jobs import JobData
from benchmarks.optimizing.contestants import contestants, takes_part
from benchmarks.optimizing.crew import Crew
from benchmarks.optimizing.packaged import PACKAGES, package_key, run_package
from benchmarks.optimizing.priced import Memo, PricedEngine
from benchmarks.optimizing.rates import Rates
from benchmarks.optimizing.summary import prompts_shown
from benchmarks.optimizing.trial import run_trial
from benchmarks.selecting.truth import measure_truth

PROMPTS_A_TEST = 8

Tests = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs what is not stored: a trial is stored when it is over, the tests of a job when all of them are.

    Attributes:
        crew: who answers.
        cells: what is known.
        rates: of all calls.
        first_seed, num_seeds: the seeds of the trials.
        cap_s: priced engine seconds of a trial.
    """

    crew: Crew
    cells: Cells
    rates: Rates
    first_seed: int
    num_seeds: int
    cap_s: float

    async def trials(self, job: str, data: JobData, names: Sequence[str]) -> dict[str, list[Any]]:
        """One for each seed, of each contestant that takes part."""
        playing = [name for name in names if takes_part(name, data)]
        seeds = range(self.first_seed, self.first_seed + self.num_seeds)
        memo: Memo = {}
        found = await self.crew.do([self._task(job, data, name, seed, memo) for name in playing for seed in seeds])
        rows = [found[start : start + self.num_seeds] for start in range(0, len(found), self.num_seeds)]
        return dict(zip(playing, rows, strict=True))

    async def tests(self, job: str, data: JobData, trials: Mapping[str, Sequence[Any]]) -> Tests:
        """Accuracy and loss on the test set of every prompt that a trial shows; what is known is kept."""
        key = {"revision": self._revision, "data": data.digest(with_test=True)}
        known: Tests = self.cells.load(f"{job}/tests", key) or {}
        shown = [prompt for rows in trials.values() for trial in rows for prompt in prompts_shown(trial, self.cap_s)]
        prompts = list(dict.fromkeys(shown))
        fresh = [prompt for prompt in prompts if prompt not in known]
        parts = [fresh[start : start + PROMPTS_A_TEST] for start in range(0, len(fresh), PROMPTS_A_TEST)]
        for part in await self.crew.do([partial(_test, data=data, prompts=part) for part in parts]):
            known.update(part)
        if fresh:
            self.cells.save(f"{job}/tests", key, known)
        return {prompt: known[prompt] for prompt in prompts}

    def _task(
        self, job: str, data: JobData, name: str, seed: int, memo: Memo
    ) -> Callable[[Engine], Awaitable[dict[str, Any]]]:
        key = {"revision": self._revision, "data": data.digest(), "cap": self.cap_s, "rates": asdict(self.rates)}
        if name in PACKAGES:
            key |= package_key()

        async def make(engine: Engine) -> dict[str, Any]:
            if name in PACKAGES:
                return await run_package(name, engine.url, data, self.rates, cap_s=self.cap_s, seed=seed)
            priced = PricedEngine(engine, self.rates, self.cap_s, memo)
            return await run_trial(priced, contestants()[name], data, cap_s=self.cap_s, seed=seed)

        async def task(engine: Engine) -> dict[str, Any]:
            cell = f"{job}/{file_name(name)}/{seed}"
            return dict(await self.cells.have(cell, key, partial(make, engine)))

        return task

    @property
    def _revision(self) -> str:
        return self.crew.engines[0].identity.revision


async def _test(engine: Engine, *, data: JobData, prompts: Sequence[str]) -> Tests:
    truth = await measure_truth(engine, data, prompts)
    return {
        prompt: {"accuracy": accuracy, "loss": loss}
        for prompt, accuracy, loss in zip(prompts, truth["accuracy"], truth["loss"], strict=True)
    }


def file_name(name: str) -> str:
    """A contestant's name without commas and blanks."""
    return name.replace(",", "").replace(" ", "-")
