"""The three sets of a job: train to choose, validation to gate, test to report.

Made once per job and stored. Which rows go where depends on the seed and the row numbers alone: the order is that of
SHA-256 digests, so it is the same under every version of Python and numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pmpo.data.sampling import row_digest
from pmpo.errors import InvalidDataError, InvalidInputError
from pmpo.optim.types import Example, Splits

MAX_TRAIN = 50
MAX_VALIDATION = 100
MAX_TEST = 200
FEWEST_ROWS = 3
FEWEST_WITHOUT_WARNING = 5


class Division(NamedTuple):
    """What ``make_splits`` answers: the sets, how many rows of the train file are in none of them, and warnings."""

    splits: Splits
    num_unused: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shares:
    """Rows of each set."""

    train: int
    validation: int
    test: int


def make_splits(
    train: Sequence[Example],
    validation: Sequence[Example] | None,
    test: Sequence[Example] | None,
    anchors: Sequence[int],
    seed: int,
) -> Division:
    """Divide the rows of a job.

    A given validation or test set is used as it is (an empty test set means: no test); one that is not given is cut
    from the train file. A row that is cut for validation or test although the same input and target stands in an
    earlier set (train, then validation) is left out, and counted as unused.

    Args:
        train: the train file's examples, ``index`` being their row numbers.
        validation: the given validation set, or None to cut one.
        test: the given test set, or None to cut one.
        anchors: row numbers of the train file that stay in train.
        seed: decides which rows go where.

    Raises:
        InvalidDataError: fewer than 3 rows in the train file, or nothing left to validate on.
        InvalidInputError: an anchor that is no row, or more anchors than train has room for.
    """
    if len(train) < FEWEST_ROWS:
        raise InvalidDataError(f"the train data has {len(train)} rows; at least {FEWEST_ROWS} are needed: add examples")
    shares = shares_of(len(train), cut_validation=validation is None, cut_test=test is None)
    order = _anchors_first(train, anchors, shares.train, seed)
    chosen = order[: shares.train]
    rest = order[shares.train :]
    gate = _Set("validation", validation, rest[: shares.validation])
    final = _Set("test", test, rest[shares.validation : shares.validation + shares.test])
    kept_gate = gate.without(chosen)
    kept_final = final.without([*chosen, *kept_gate])
    if not kept_gate:
        raise InvalidDataError(
            "no row is left to validate on: the rows that were set aside repeat rows of train; "
            "give a validation set, or rows that differ"
        )
    used = len(chosen) + (len(kept_gate) if validation is None else 0) + (len(kept_final) if test is None else 0)
    duplicates = (gate.warning(kept_gate, chosen), final.warning(kept_final, [*chosen, *kept_gate]))
    leftover = len(rest) - len(gate.cut) - len(final.cut)
    warnings = tuple(filter(None, (_few_rows(len(train)), _many_rows(len(train), leftover), *duplicates)))
    splits = Splits(tuple(chosen), tuple(kept_gate), tuple(kept_final))
    return Division(splits, len(train) - used, warnings)


def shares_of(num_rows: int, *, cut_validation: bool = True, cut_test: bool = True) -> Shares:
    """Rows of each set, cut from ``num_rows`` (algorithm.md, section 3, step 7).

    A share that is not cut, because its set was given, goes to train, which never holds more than 50.
    """
    if num_rows > 2 * MAX_TRAIN:
        rest = num_rows - MAX_TRAIN
        validation, test = min(MAX_VALIDATION, rest // 3), min(MAX_TEST, rest - rest // 3)
    elif num_rows >= 20:
        validation = round(num_rows / 5)
        test = num_rows // 2 - validation
    else:
        validation, test = max(1, num_rows - round(2 * num_rows / 3)), 0
    validation, test = validation * cut_validation, test * cut_test
    return Shares(min(MAX_TRAIN, num_rows - validation - test), validation, test)


@dataclass(frozen=True, slots=True)
class _Set:
    """Validation or test: given as it is, or cut from the train file."""

    name: str
    given: Sequence[Example] | None
    cut: Sequence[Example]

    def without(self, earlier: Sequence[Example]) -> list[Example]:
        """The rows to use: a given set whole, a cut one without what stands in an earlier set."""
        if self.given is not None:
            return list(self.given)
        seen = {_content(example) for example in earlier}
        return [example for example in self.cut if _content(example) not in seen]

    def warning(self, kept: Sequence[Example], earlier: Sequence[Example]) -> str:
        """A sentence about duplicates, empty without any."""
        if self.given is None:
            dropped = len(self.cut) - len(kept)
            return f"{dropped} duplicate rows were left out of {self.name}" if dropped else ""
        seen = {_content(example) for example in earlier}
        shared = sum(_content(example) in seen for example in kept)
        return f"{shared} rows of the given {self.name} set also stand in an earlier set; remove them" if shared else ""


def _anchors_first(rows: Sequence[Example], anchors: Sequence[int], num_train: int, seed: int) -> list[Example]:
    """All rows in the seed's order; those that must be in train are moved up just far enough to be there."""
    wanted = set(anchors)
    unknown = sorted(wanted - {row.index for row in rows})
    if unknown:
        raise InvalidInputError(f"anchor {unknown[0]} is no row of the train file; rows are 0 to {len(rows) - 1}")
    if len(wanted) > num_train:
        raise InvalidInputError(f"{len(wanted)} anchors do not fit into {num_train} train rows; name fewer anchors")
    order = sorted(rows, key=lambda row: row_digest(seed, row.index))
    others = [row.index for row in order if row.index not in wanted]
    chosen = wanted | set(others[: num_train - len(wanted)])
    return [row for row in order if row.index in chosen] + [row for row in order if row.index not in chosen]


def _few_rows(num_rows: int) -> str:
    few = num_rows < FEWEST_WITHOUT_WARNING
    return f"{num_rows} rows are few: the prompt may fit them and nothing else; add examples" if few else ""


def _many_rows(num_rows: int, num_leftover: int) -> str:
    """A warning that rows are left over; empty when none is."""
    if not num_leftover:
        return ""
    return (
        f"{num_leftover} of {num_rows} rows are not used: a job trains on at most {MAX_TRAIN}, validates on at most "
        f"{MAX_VALIDATION} and tests on at most {MAX_TEST}"
    )


def _content(example: Example) -> tuple[str, tuple[str, ...]]:
    return example.input, example.targets
