"""What names a content: SHA-256 of texts, rows and settings, the same on every machine and for every line end."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pmpo import __version__
from pmpo.contracts.jobdata import Row
from pmpo.contracts.jobs import JobSpec, ModelView
from pmpo.data.rows import canonical

ROW_CHARACTERS = 16
# What decides a loss. The seed and the anchors do: they say which rows are tested.
_SCORING = ("objective", "fields", "answer_prefix", "chat_template_kwargs", "seed")
_NEITHER = ("name", "kind", "prompt", "prompts", "dataset", "queue", "models")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Digests of all that a locked loss rests on, the model aside, and of how the prompt would be searched for.

    Attributes:
        prompt: of the prompt's text.
        data: of every row of every set, in order; of a stored data set, of its id, which is made of its rows.
        scoring: of the settings that decide losses.
        search: of the settings that decide how a better prompt is looked for.
        meta_prompts: of the texts that ask the rewriter.
    """

    prompt: str
    data: str
    scoring: str
    search: str
    meta_prompts: str


def fingerprint(spec: JobSpec, meta_prompts: Sequence[str]) -> Fingerprint:
    """The digests of a job. A setting that is written out and equals its default changes nothing."""
    settings = spec.model_dump(mode="json", exclude_defaults=True)
    anchors = spec.constraints.anchors
    scoring = {key: settings.pop(key) for key in _SCORING if key in settings} | {"anchors": anchors}
    search = {key: value for key, value in settings.items() if key not in _NEITHER}
    search["rewriter"] = spec.models.rewriter
    sets = spec.dataset
    rows = {"train": sets.train, "validation": sets.validation, "test": sets.test}
    data: dict[str, Any] = dict(rows)
    data.update(sets.ids.items())  # a stored set is named by its content, so its id tells as much
    return Fingerprint(
        prompt=text_digest(spec.prompt),
        data=text_digest(_canonical(data)),
        scoring=text_digest(_canonical(scoring)),
        search=text_digest(_canonical(search)),
        meta_prompts=text_digest(_canonical(list(meta_prompts))),
    )


def text_digest(text: str) -> str:
    """The name of a text."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def job_key(spec: JobSpec, models: Mapping[str, ModelView | None]) -> str:
    """The name of the request that creates the job ``spec``: the same for the same job on the same models.

    With it as ``Idempotency-Key`` a command that was interrupted gets its own job again, and pays for it once.

    Args:
        spec: the job.
        models: what stands behind each name that it uses; None where that is not known.
    """
    identities = {name: None if view is None else view.model_dump() for name, view in models.items()}
    told = {"version": __version__, "models": identities, "job": spec.model_dump_json(exclude_unset=True)}
    return f"pmpo-ci-{hashlib.sha256(_canonical(told).encode()).hexdigest()}"


def row_names(rows: Sequence[Row]) -> list[str]:
    """A short name for the content of each row; the second row of the same content is called ``<name>.2``."""
    seen: Counter[str] = Counter()
    names = []
    for row in rows:
        name = hashlib.sha256(canonical(row)).hexdigest()[:ROW_CHARACTERS]
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return names


def _canonical(value: Mapping[str, Any] | Sequence[Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
