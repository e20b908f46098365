"""Job files: what a user writes, with paths, made into what the wire carries, with rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pmpo.contracts.jobdata import Row, is_dataset_id
from pmpo.contracts.jobs import JobSpec
from pmpo.data.loading import load_rows, missing_file
from pmpo.data.published.catalogue import is_published_name, load_published
from pmpo.data.sampling import sample_rows
from pmpo.data.splits import FEWEST_ROWS
from pmpo.errors import InvalidDataError, InvalidInputError
from pmpo.runs.document import read_document, read_text
from pmpo.runs.jobkeys import check_keys
from pmpo.runs.jobspec import MOST_READ, check_num_rows
from pmpo.runs.modes import check_mode

DATA_VARIABLE = "PMPO_DATA_DIR"


def load_job(path: Path, data_dir: Path | None = None, overrides: Mapping[str, Any] | None = None) -> JobSpec:
    """The job of a file, with its prompt and its rows inside.

    Paths in the file start at its folder; data is then looked for under ``data_dir``, where a published set lies that
    is named instead of a file (``bbh:navigate``). ``dataset.sample: N`` takes N rows of the train file, drawn by the
    job's seed, anchors among them. A job without ``name`` is called like its file.

    Args:
        path: a YAML or JSON file.
        data_dir: the folder of ``PMPO_DATA_DIR``.
        overrides: values that replace the file's, by key; keys of sections are dotted (``optimizer.iterations``).

    Raises:
        UnknownKeyError: a key that no job has; the nearest known name is said.
        InvalidInputError: a value of the wrong type or out of range, or a key that this version does not have.
        InvalidDataError: a data file that is missing, malformed or too long.
    """
    return job_of(nested(read_document(path), overrides or {}), path, data_dir)


def job_of(job: Mapping[str, Any], path: Path, data_dir: Path | None = None) -> JobSpec:
    """The job that the keys ``job`` of the file ``path`` describe; see ``load_job``."""
    check_keys(job, str(path))
    source = _Source(path, data_dir.expanduser() if data_dir else None)
    sample = job["dataset"].get("sample") if isinstance(job.get("dataset"), dict) else None
    body = {"name": path.stem, **job, **source.prompts(job), **source.optimizer(job), "dataset": source.dataset(job)}
    spec = validated({key: value for key, value in body.items() if key != "prompt_file"}, path)
    if sample is not None:
        spec = _sampled(spec, sample, path)
    check_num_rows(spec.dataset)
    check_mode(spec)
    return spec


@dataclass(frozen=True, slots=True)
class _Source:
    """A job file's place: where its paths start."""

    path: Path
    data_dir: Path | None

    def prompts(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """The prompt or the prompts in the file, or the one in the file that it names."""
        given = [key for key in ("prompt", "prompt_file", "prompts") if key in job]
        if len(given) != 1:
            raise InvalidInputError(
                f"{self.path}: give either 'prompt' or 'prompt_file', or several seed prompts in 'prompts'"
            )
        if "prompts" in job and (not isinstance(job["prompts"], list) or not job["prompts"]):
            raise InvalidInputError(f"{self.path}: prompts is {job['prompts']!r:.60}; give a list of prompts")
        return {"prompt": self._read(job["prompt_file"], "prompt_file")} if "prompt_file" in job else {}

    def optimizer(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """The section with the text of the meta-prompt file that it names."""
        section = job.get("optimizer")
        if not isinstance(section, Mapping) or "meta_prompt_file" not in section:
            return {}
        where = "optimizer.meta_prompt_file"
        if "meta_prompt_text" in section:
            raise InvalidInputError(f"{self.path}: give either {where} or optimizer.meta_prompt_text")
        rest = {key: value for key, value in section.items() if key != "meta_prompt_file"}
        return {"optimizer": {**rest, "meta_prompt_text": self._read(section["meta_prompt_file"], where)}}

    def _read(self, given: Any, where: str) -> str:
        """A text file beside the job file, without the line end that editors add."""
        found = self.path.parent / Path(self._text(given, where)).expanduser()
        try:
            return read_text(found).removesuffix("\n")
        except InvalidInputError as error:
            raise InvalidInputError(f"{self.path}: {where}: {error}") from None

    def dataset(self, job: Mapping[str, Any]) -> dict[str, list[Row] | str]:
        """The rows of each set that the file names; of a stored data set its id."""
        given = job.get("dataset")
        if isinstance(given, str) and is_dataset_id(given):
            given = {"train": given}
        if not isinstance(given, Mapping) or "train" not in given:
            raise InvalidInputError(
                f"{self.path}: dataset: name a file with examples, {{train: data.jsonl}}, or the id of a stored data "
                "set"
            )
        names = {key: given[key] for key in ("train", "validation", "test") if given.get(key) is not None}
        most = {"train": None} if given.get("sample") is not None else {}
        return {
            key: self._rows(self._text(name, f"dataset.{key}"), f"dataset.{key}", most.get(key, MOST_READ))
            for key, name in names.items()
        }

    def _rows(self, name: str, where: str, most: int | None) -> list[Row] | str:
        """The first ``most`` rows of a file, or those of a published set such as ``bbh:navigate``; an id as it is."""
        if is_dataset_id(name):
            return name
        if is_published_name(name):
            return load_published(name, self.data_dir)
        return load_rows(self._find(name, where), most)

    def _find(self, name: str, where: str) -> Path:
        path = Path(name).expanduser()
        folders = [self.path.parent, *([self.data_dir] if self.data_dir else [])]
        found = next((folder / path for folder in folders if (folder / path).is_file()), None)
        if found is not None:
            return found
        if path.is_absolute():
            raise missing_file(path)
        looked = " or in ".join(str(folder.absolute()) for folder in folders)
        remedy = "" if self.data_dir else f", or set {DATA_VARIABLE} to the folder that data paths start at"
        raise InvalidDataError(f"{self.path}: {where}: {path} was not found in {looked}; correct the path{remedy}")

    def _text(self, value: Any, where: str) -> str:
        if not isinstance(value, str) or not value:
            raise InvalidInputError(f"{self.path}: {where} is {value!r:.60}; give the path of a file")
        return value


def nested(document: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of ``document`` with the dotted keys of ``overrides`` set."""
    job = dict(document)
    for key, value in overrides.items():
        section, dot, name = key.partition(".")
        inner = job.get(section)
        job[section] = {**(inner if isinstance(inner, Mapping) else {}), name: value} if dot else value
    return job


def validated(body: dict[str, Any], path: Path) -> JobSpec:
    """``body`` as a job. Raises InvalidInputError: the first key that is wrong, and the file."""
    try:
        return JobSpec.model_validate(body, strict=True)
    except ValidationError as error:
        raise InvalidInputError(f"{path}: {_sentence(error.errors()[0])}") from None


def _sentence(error: ErrorDetails) -> str:
    """What is wrong, where, and what was given."""
    where = ".".join(map(str, error["loc"]))
    if error["type"] == "missing":
        return f"the key {where!r} is missing; add it"
    given = f"{error['input']!r:.60}"
    if error["type"] == "literal_error":
        return f"{where} is {given}; this version has only {error['ctx']['expected']}"
    if where.startswith("models.") and isinstance(error["input"], Mapping):
        return f"{where} is {given}; this version takes a name of the operator's endpoint table"
    return f"{where} is {given}; {error['msg'][0].lower()}{error['msg'][1:]}"


def _sampled(spec: JobSpec, sample: Any, path: Path) -> JobSpec:
    """The job with ``sample`` of its train rows; its anchors are renumbered with them."""
    if isinstance(sample, bool) or not isinstance(sample, int) or sample < FEWEST_ROWS:
        raise InvalidInputError(
            f"{path}: dataset.sample is {sample!r:.60}; give a number of rows, at least {FEWEST_ROWS}"
        )
    if "train" in spec.dataset.ids:
        raise InvalidInputError(
            f"{path}: dataset.sample draws from a file and train is a stored data set; store a sample instead: "
            f"`pmpo datasets push FILE --sample {sample} --seed {spec.seed}`"
        )
    rows, anchors = spec.dataset.train, spec.constraints.anchors
    unknown = next((anchor for anchor in anchors if not 0 <= anchor < len(rows)), None)
    if unknown is not None:
        raise InvalidInputError(f"{path}: anchor {unknown} is no row of the train file; rows are 0 to {len(rows) - 1}")
    drawn = sample_rows(len(rows), sample, spec.seed, keep=anchors)
    renumbered = [drawn.index(anchor) for anchor in anchors]
    changes = {
        "dataset": spec.dataset.model_copy(update={"train": [rows[row] for row in drawn]}),
        "constraints": spec.constraints.model_copy(update={"anchors": renumbered}),
    }
    return spec.model_copy(update=changes)
