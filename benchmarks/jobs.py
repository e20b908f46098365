"""The job table: what every benchmark runs on. A new kind of job is one more entry with a ``build`` of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pmpo.data.metrics import grader_for
from pmpo.data.splits import sample_rows
from pmpo.errors import InvalidInputError
from pmpo.optim.losses import Objective, Supervised
from pmpo.optim.ports import Grader
from pmpo.optim.types import Example, Splits

# Family, and how many rules of form a clear prompt states beside the task at the least.
GENERATED = (
    (("review", "city"), 3),
    (("record", "city"), 2),
    (("record", "fields"), 3),
    (("words", "without_first"), 2),
    (("message", "intent"), 3),
    (("table", "top"), 2),
    (("numbers", "max"), 3),
    (("choice", "right"), 2),
)
PUBLIC = ("navigate", "object_counting")
MAX_ANSWER_TOKENS = 48


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows of the three sets. A public file that is shorter gives what is left after train and validation to test."""

    train: int = 48
    validation: int = 16
    test: int = 200

    @property
    def total(self) -> int:
        """All rows."""
        return self.train + self.validation + self.test


@dataclass(frozen=True, slots=True)
class JobData:
    """One job as a search takes it: the seed ``prompt``, losses by ``objective``, accuracy by ``grader``."""

    prompt: str
    splits: Splits
    grader: Grader
    objective: Objective
    max_answer_tokens: int = MAX_ANSWER_TOKENS

    def digest(self, *, with_test: bool = False) -> str:
        """What results depend on, in 16 hexadecimal digits: prompt, examples, objective, longest answer."""
        examples = (*self.splits.train, *self.splits.validation, *(self.splits.test if with_test else ()))
        rows = [(row.input, row.targets, row.weight) for row in examples]
        plain = repr((self.prompt, rows, self.objective, self.max_answer_tokens))
        return hashlib.sha256(plain.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class BenchJob:
    """An entry: its name in reports, what it is about, and how its data is made for given sizes."""

    name: str
    about: str
    build: Callable[[Sizes], JobData]


def job_table(data_dir: Path | None) -> Mapping[str, BenchJob]:
    """All jobs by name; those on public data only where ``data_dir`` has it."""
    jobs = [_generated(family, num_rules) for family, num_rules in GENERATED]
    if data_dir is not None:
        files = {task: data_dir / "bbh" / "bbh" / f"{task}.json" for task in PUBLIC}
        jobs += [_public(task, path) for task, path in files.items() if path.is_file()]
    return {job.name: job for job in jobs}


def chosen_jobs(table: Mapping[str, BenchJob], names: list[str] | None) -> list[BenchJob]:
    """The named jobs, all when None. Raises InvalidInputError."""
    unknown = [name for name in names or () if name not in table]
    if unknown:
        raise InvalidInputError(f"there is no job {unknown[0]!r}; known are: {', '.join(table)}")
    return [table[name] for name in names or table]


def _generated(family: tuple[str, str], num_rules: int) -> BenchJob:
    def build(sizes: Sizes) -> JobData:
        from benchmarks.generated import composed_task  # nano's generator is only needed where a job is built

        prompt, rows = composed_task(family, num_rules, sizes.total)
        return _supervised(prompt, rows, sizes)

    return BenchJob(
        "-".join(family), f"generated, held-out inputs, a task and {num_rules} or more rules of form", build
    )


def _public(task: str, path: Path) -> BenchJob:
    def build(sizes: Sizes) -> JobData:
        rows = json.loads(path.read_text(encoding="utf-8"))["examples"]
        order = sample_rows(len(rows), min(len(rows), sizes.total), seed=0)
        chosen = [(rows[row]["input"], rows[row]["target"]) for row in order]
        return _supervised("Answer the question.", chosen, sizes)

    return BenchJob(f"bbh-{task}", "BIG-Bench Hard, never trained on", build)


def _supervised(prompt: str, rows: list[tuple[str, str]], sizes: Sizes) -> JobData:
    examples = [Example(index, text, (target,), {"input": text}) for index, (text, target) in enumerate(rows)]
    gate = sizes.train + sizes.validation
    splits = Splits(
        tuple(examples[: sizes.train]), tuple(examples[sizes.train : gate]), tuple(examples[gate : sizes.total])
    )
    grader = grader_for("exact_match")
    assert grader is not None
    return JobData(prompt, splits, grader, Supervised())
