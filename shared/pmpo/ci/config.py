"""``pmpo.toml``: which prompts a repository keeps, what they are measured on, and when one counts as worse."""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pmpo.ci.comparison import ALPHA, Thresholds
from pmpo.ci.conflicts import refuse_conflict
from pmpo.contracts.jobdata import is_dataset_id
from pmpo.contracts.modes import MAX_LOSS
from pmpo.errors import InvalidInputError, UnknownKeyError
from pmpo.runs.jobkeys import unknown_key

CONFIG_NAME = "pmpo.toml"
_KEYS = ("job", "thresholds", "datasets", "prompts")
_OWN_KEYS = ("file", "thresholds")
_NOT_HERE = {
    "prompt": "the prompt stands in the file that `file` names",
    "prompts": "the prompt stands in the file that `file` names",
    "prompt_file": "write `file` in its place",
    "name": "a prompt is called as its section is",
    "kind": "a prompt is optimized; other kinds of jobs have commands of their own",
}
_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class PromptEntry:
    """One prompt of the file.

    Attributes:
        name: of its section.
        file: the prompt's file, from the folder of ``pmpo.toml``.
        job: the keys of a job file that hold for it, the shared ones below its own; ``prompt`` is not among them.
        thresholds: the shared ones with its own above them.
    """

    name: str
    file: str
    job: Mapping[str, Any]
    thresholds: Thresholds


def read_config(text: str, where: str) -> tuple[PromptEntry, ...]:
    """The prompts of a ``pmpo.toml``, by name.

    What the keys of a job hold is checked where jobs are made (``pmpo.runs.jobfile``).

    Raises:
        UnknownKeyError: a key that the file does not have; the nearest known name is said.
        InvalidInputError: no TOML, a merge conflict, no prompts, or a value that cannot be used.
    """
    refuse_conflict(text, where, "edit the file so that one side is left")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"{where} is no TOML: {error}; correct the file there") from None
    for key in document:
        if key not in _KEYS:
            raise UnknownKeyError(f"{where}: {unknown_key('', key, _KEYS)}")
    reader = _Reader(where, document)
    sections = reader.table(document, "prompts", "prompts")
    if not sections:
        raise InvalidInputError(
            f"{where} names no prompts; add a section such as [prompts.greeting] with file and dataset"
        )
    entries = tuple(reader.entry(name, sections) for name in sorted(sections))
    _refuse_shared(entries, where)
    return entries


def _refuse_shared(entries: Sequence[PromptEntry], where: str) -> None:
    """A refresh writes each prompt into its file, so that of two in one file the other would be lost."""
    names: dict[str, str] = {}
    for entry in entries:
        other = names.setdefault(posixpath.normpath(entry.file), entry.name)
        if other != entry.name:
            raise InvalidInputError(
                f"{where}: prompts.{other} and prompts.{entry.name} name the same file {entry.file!r:.60}; "
                "give each prompt a file of its own"
            )


class _Reader:
    """One file's sections."""

    def __init__(self, where: str, document: Mapping[str, Any]) -> None:
        self._where = where
        self._job = self.table(document, "job", "job")
        self._datasets = self.table(document, "datasets", "datasets")
        self._thresholds = self.table(document, "thresholds", "thresholds")
        self._refuse_foreign("job.", self._job)

    def table(self, section: Mapping[str, Any], key: str, path: str) -> dict[str, Any]:
        found = section.get(key, {})
        if not isinstance(found, dict):
            raise InvalidInputError(f"{self._where}: {path} is {found!r:.60}; make it a section [{path}]")
        return found

    def entry(self, name: str, sections: Mapping[str, Any]) -> PromptEntry:
        path = f"prompts.{name}"
        if not _NAME.fullmatch(name):
            raise InvalidInputError(
                f"{self._where}: the prompt's name {name!r:.60} may hold letters, digits, - and _ only; rename it"
            )
        section = self.table(sections, name, path)
        file = section.get("file")
        if not isinstance(file, str) or not file:
            raise InvalidInputError(f'{self._where}: {path} names no file; add file = "prompts/{name}.txt"')
        own = {key: value for key, value in section.items() if key not in _OWN_KEYS}
        self._refuse_foreign(f"{path}.", own)
        job = _merged(self._job, own)
        job["dataset"] = self._dataset(job.get("dataset"), path)
        thresholds = {**self._thresholds, **self.table(section, "thresholds", f"{path}.thresholds")}
        return PromptEntry(name, file, job, self._limits(thresholds, path))

    def _dataset(self, given: Any, path: str) -> Any:
        if isinstance(given, str) and given in self._datasets:
            return self._sets(self._datasets, given, f"datasets.{given}")
        if isinstance(given, str) and is_dataset_id(given):
            return {"train": given}
        if given is None or isinstance(given, str):
            known = ", ".join(self._datasets) or "none"
            said = "has no dataset" if given is None else f"has the dataset {given!r:.60}, which no section defines"
            raise InvalidInputError(
                f'{self._where}: {path} {said}; name one of [datasets] ({known}), or write {{train = "rows.jsonl"}} '
                "or the id of a stored data set"
            )
        return given

    def _sets(self, section: Mapping[str, Any], key: str, path: str) -> Any:
        """A data set of the file: its sets, or the id of a stored one."""
        given = section[key]
        if isinstance(given, str) and is_dataset_id(given):
            return {"train": given}
        return self.table(section, key, path)

    def _limits(self, given: Mapping[str, Any], path: str) -> Thresholds:
        known = {"tolerance": (0.0, MAX_LOSS), "alpha": (0.0, 1.0), "max_loss": (0.0, MAX_LOSS)}
        for key, value in given.items():
            if key not in known:
                raise UnknownKeyError(f"{self._where}: {path}: {unknown_key('thresholds.', key, tuple(known))}")
            low, high = known[key]
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not low <= value <= high:
                bounds = f"from {low:g} to {high:,.0f}"
                raise InvalidInputError(
                    f"{self._where}: {path}: thresholds.{key} is {value!r:.60}; give a number {bounds}"
                )
        return Thresholds(given.get("tolerance", 0.02), given.get("alpha", ALPHA), given.get("max_loss"))

    def _refuse_foreign(self, prefix: str, section: Mapping[str, Any]) -> None:
        for key, remedy in _NOT_HERE.items():
            if key in section:
                raise InvalidInputError(f"{self._where}: {prefix}{key} does not belong here: {remedy}")


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``above`` over ``below``, section by section; a dataset is taken whole."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        is_section = isinstance(under, dict) and isinstance(value, dict) and key != "dataset"
        merged[key] = {**under, **value} if is_section and under is not None else value
    return merged
