"""The job table: what every benchmark runs on. A new kind of job is one more entry with a ``build`` of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.generated import composed_task, option_task, pair_task
from pmpo.contracts.jobdata import Row
from pmpo.contracts.modes import Metric
from pmpo.contracts.objectives import FieldNames, ObjectiveKind
from pmpo.data.examples import to_examples
from pmpo.data.metrics import grader_for
from pmpo.data.published.catalogue import load_published
from pmpo.data.sampling import sample_rows
from pmpo.errors import InvalidDataError, InvalidInputError
from pmpo.optim.losses import Objective, Supervised
from pmpo.optim.ports import Grader
from pmpo.optim.preference import MultipleChoice, Preference
from pmpo.optim.types import Splits

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
PAIRS = ((("message", "person"), 2),)
# Kind, the tasks whose answers are the options, and the task that is meant.
OPTIONS = (("review", ("city", "person", "product", "sentiment"), "product"),)
PUBLIC = ("navigate", "boolean_expressions", "object_counting")
MAX_ANSWER_TOKENS = 48
MAX_SHORT_ANSWER_TOKENS = 16
_OBJECTIVES: Mapping[ObjectiveKind, Objective] = {
    "supervised": Supervised(),
    "preference": Preference(),
    "options": MultipleChoice("cross_entropy"),
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows of the three sets. A public file that is shorter gives what is left after train and validation to test."""

    train: int = 40
    validation: int = 16
    test: int = 100

    @property
    def total(self) -> int:
        """All rows."""
        return self.train + self.validation + self.test


@dataclass(frozen=True, slots=True)
class JobData:
    """One job as a search takes it: the seed ``prompt``, losses by ``objective``, grades of answers by ``grader``,
    which is that of ``metric``.

    The accuracy of a prompt on pairs is the share of them whose chosen answer is the likelier one, in the mean over its
    tokens; ``grader`` then compares an answer with the chosen one, for those who pick by answers.
    """

    prompt: str
    splits: Splits
    grader: Grader
    objective: Objective
    max_answer_tokens: int = MAX_ANSWER_TOKENS
    metric: Metric = "exact_match"

    @property
    def is_paired(self) -> bool:
        """Are these preference pairs?"""
        return isinstance(self.objective, Preference)

    def digest(self, *, with_test: bool = False) -> str:
        """What results depend on, in 16 hexadecimal digits: prompt, examples, objective, longest answer."""
        examples = (*self.splits.train, *self.splits.validation, *(self.splits.test if with_test else ()))
        rows = [(row.input, row.targets, row.weight) for row in examples]
        grader = type(self.grader).__name__
        plain = repr((self.prompt, rows, self.objective, grader, self.max_answer_tokens))
        return hashlib.sha256(plain.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class BenchJob:
    """An entry: its name in reports, what it is about, and how its data is made for given sizes."""

    name: str
    about: str
    build: Callable[[Sizes], JobData]


def job_table(data_dir: Path | None) -> Mapping[str, BenchJob]:
    """All jobs by name. Those on public data look for it in ``data_dir`` when they are built."""
    jobs = [
        *(_targets(family, num_rules) for family, num_rules in GENERATED),
        *(_pairs(family, num_rules) for family, num_rules in PAIRS),
        *(_options(*entry) for entry in OPTIONS),
        *(_public(task, data_dir) for task in PUBLIC),
    ]
    return {job.name: job for job in jobs}


def chosen_jobs(table: Mapping[str, BenchJob], names: Sequence[str]) -> list[BenchJob]:
    """The named jobs. Raises InvalidInputError."""
    unknown = [name for name in names if name not in table]
    if unknown:
        raise InvalidInputError(f"there is no job {unknown[0]!r}; known are: {', '.join(table)}")
    return [table[name] for name in names]


def without_absent(jobs: Sequence[BenchJob]) -> tuple[list[BenchJob], dict[str, str]]:
    """The jobs whose data is there, and for each of the others the sentence that says what is missing."""
    absent: dict[str, str] = {}
    for job in jobs:
        try:
            job.build(Sizes(1, 1, 1))
        except InvalidDataError as error:
            absent[job.name] = error.message
    return [job for job in jobs if job.name not in absent], absent


def _targets(family: tuple[str, str], num_rules: int) -> BenchJob:
    def build(sizes: Sizes) -> JobData:
        return _job(*composed_task(family, num_rules, sizes.total), sizes, "supervised")

    about = f"generated, held-out inputs, a task and {num_rules} or more rules of form"
    return BenchJob("-".join(family), about, build)


def _pairs(family: tuple[str, str], num_rules: int) -> BenchJob:
    def build(sizes: Sizes) -> JobData:
        return _job(*pair_task(family, num_rules, sizes.total), sizes, "preference")

    about = "generated, held-out inputs, preference pairs: rejected answers are wrong, malformed or impolite"
    return BenchJob(f"pairs-{'-'.join(family)}", about, build)


def _options(kind: str, tasks: tuple[str, ...], right: str) -> BenchJob:
    def build(sizes: Sizes) -> JobData:
        drawn = option_task(kind, tasks, right, sizes.total)
        return _job(*drawn, sizes, "options", metric="contains", max_answer_tokens=MAX_SHORT_ANSWER_TOKENS)

    about = f"generated, held-out inputs, multiple choice: one of {len(tasks)} things in the input is meant"
    return BenchJob(f"options-{kind}-{right}", about, build)


def _public(task: str, data_dir: Path | None) -> BenchJob:
    def build(sizes: Sizes) -> JobData:
        rows = load_published(f"bbh:{task}", data_dir)
        order = sample_rows(len(rows), min(len(rows), sizes.total), seed=0)
        chosen = [{key: rows[row][key] for key in ("input", "target")} for row in order]
        return _job("Answer the question.", chosen, sizes, "supervised", max_answer_tokens=MAX_SHORT_ANSWER_TOKENS)

    return BenchJob(f"bbh-{task}", "BIG-Bench Hard, never trained on, short answers", build)


def _job(
    prompt: str,
    rows: Sequence[Row],
    sizes: Sizes,
    kind: ObjectiveKind,
    *,
    metric: Metric = "exact_match",
    max_answer_tokens: int = MAX_ANSWER_TOKENS,
) -> JobData:
    examples = to_examples(rows, FieldNames(), kind=kind)
    gate = sizes.train + sizes.validation
    splits = Splits(examples[: sizes.train], examples[sizes.train : gate], examples[gate : sizes.total])
    grader = grader_for(metric)
    assert grader is not None
    return JobData(prompt, splits, grader, _OBJECTIVES[kind], max_answer_tokens, metric)
