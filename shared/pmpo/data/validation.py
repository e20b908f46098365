"""The check of data before a job: every row that cannot be used, repeated rows, rows that stand in two sets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from pmpo.contracts.datasets import DataReport, RepeatedRow, RowProblem, SetReport
from pmpo.contracts.jobdata import SET_NAMES, Row, SetName
from pmpo.contracts.objectives import FieldNames, ObjectiveKind
from pmpo.data.answers import answer_keys, filled, number_at, targets_of, text_at
from pmpo.data.splits import FEWEST_ROWS
from pmpo.data.statistics import RowStatistics
from pmpo.errors import InvalidInputError

MAX_LISTED = 100
_WHERE = "the row"  # what messages of single rows begin with


def check_rows(
    sets: Mapping[SetName, Iterable[Row]], fields: FieldNames | None = None, kind: ObjectiveKind = "supervised"
) -> DataReport:
    """What a job with these rows would stumble over, in one pass; no rows are held.

    Args:
        sets: the rows of train and, where they are given, of validation and test.
        fields: which keys hold what; those of ``FieldNames`` when None.
        kind: what is minimised: it says which answers a row must have.
    """
    found = _Findings(fields or FieldNames(), kind)
    reports = [found.read(name, sets[name]) for name in SET_NAMES if name in sets]
    warnings = []
    if found.num_zero_weights and found.num_zero_weights == sum(report.num_usable for report in reports):
        warnings.append("all rows weigh 0; give one a weight above 0")
    few = [report for report in reports if report.name == "train" and report.num_rows < FEWEST_ROWS]
    warnings += [f"train has {report.num_rows} rows and a job takes at least {FEWEST_ROWS}; add some" for report in few]
    empty = [report.name for report in reports if report.name != "train" and not report.num_rows]
    warnings += [f"{name} has no rows; add some, or leave it out and it is cut from train" for name in empty]
    return DataReport(
        kind=kind,
        sets=reports,
        problems=found.problems,
        num_problems=found.num_problems,
        duplicates=found.duplicates.rows,
        num_duplicates=found.duplicates.num,
        leaks=found.leaks.rows,
        num_leaks=found.leaks.num,
        warnings=warnings,
        is_usable=not found.num_problems and not warnings,
    )


def kind_of_rows(row: Row) -> ObjectiveKind:
    """The objective whose keys, as they are called when nothing else is said, a row has."""
    if {"chosen", "rejected"} <= row.keys():
        return "preference"
    return "options" if {"options", "answer"} <= row.keys() else "supervised"


@dataclass(slots=True)
class _Repeated:
    """Repeated rows: the first of them, and how many there are."""

    rows: list[RepeatedRow] = field(default_factory=list)
    num: int = 0

    def add(self, row: RepeatedRow) -> None:
        self.num += 1
        if len(self.rows) < MAX_LISTED:
            self.rows.append(row)


class _Findings:
    """What was found so far, over all sets."""

    def __init__(self, fields: FieldNames, kind: ObjectiveKind) -> None:
        self.problems: list[RowProblem] = []
        self.num_problems = 0
        self.num_zero_weights = 0
        self.duplicates = _Repeated()
        self.leaks = _Repeated()
        self._fields = fields
        self._kind = kind
        self._inputs: dict[bytes, tuple[SetName, int, bytes]] = {}

    def read(self, name: SetName, rows: Iterable[Row]) -> SetReport:
        """Look at the rows of one set, which comes after those that were read already."""
        statistics = RowStatistics()
        num_usable = 0
        for number, row in enumerate(rows):
            statistics.add(row)
            problems = _problems(row, self._fields, self._kind)
            self.num_problems += len(problems)
            for key, reason in problems[: MAX_LISTED - len(self.problems)]:
                self.problems.append(RowProblem(set=name, row=number, field=key, reason=reason))
            if not problems:
                num_usable += 1
                self._compare(name, number, row)
        return SetReport(name=name, num_rows=statistics.num_rows, num_usable=num_usable, fields=statistics.fields())

    def _compare(self, name: SetName, number: int, row: Row) -> None:
        """See whether a usable row's input stands in an earlier row."""
        self.num_zero_weights += number_at(row, self._fields, "weight", 1.0, "") == 0
        given = _digest(text_at(row, self._fields.input, ""))
        answers = _digest(*targets_of(row, self._fields, self._kind, ""))
        earlier = self._inputs.setdefault(given, (name, number, answers))
        if earlier == (name, number, answers):
            return
        earlier_set, earlier_row, earlier_answers = earlier
        repeated = RepeatedRow(
            set=name,
            row=number,
            earlier_set=earlier_set,
            earlier_row=earlier_row,
            is_whole=answers == earlier_answers,
        )
        if earlier_set != name:
            self.leaks.add(repeated)
        elif repeated.is_whole:
            self.duplicates.add(repeated)


def _problems(row: Row, fields: FieldNames, kind: ObjectiveKind) -> list[tuple[str, str]]:
    """Keys and reasons: everything that a job would refuse in the row."""
    answers = list(answer_keys(fields, kind).values())
    texts = [(fields.input, partial(text_at, row, fields.input, _WHERE))]
    if kind != "options":
        texts += [(key, partial(filled, row, key, _WHERE)) for key in answers]
    found = list(_refused(texts))
    if not any(key in answers for key, _ in found):
        found += _refused([(answers[-1], partial(targets_of, row, fields, kind, _WHERE))])
    numbers = ("weight", "margin") if kind == "preference" else ("weight",)
    found += _refused(
        [(getattr(fields, name) or name, partial(number_at, row, fields, name, 1.0, _WHERE)) for name in numbers]
    )
    return found


def _refused(checks: Sequence[tuple[str, Callable[[], object]]]) -> Iterator[tuple[str, str]]:
    for key, check in checks:
        try:
            check()
        except InvalidInputError as error:
            yield key, error.message.removeprefix(_WHERE).lstrip(": ")


def _digest(*texts: str) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        digest.update(f"{len(text)}:{text}".encode())
    return digest.digest()
