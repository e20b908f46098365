"""Published data sets by name: where their files lie, whose they are, and how they become rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from pmpo.contracts.jobdata import Row
from pmpo.data.loading import load_rows
from pmpo.data.published.alpaca_eval import alpaca_output_rows, alpaca_pair_rows
from pmpo.data.published.aqua import aqua_rows
from pmpo.data.published.bbh import bbh_rows
from pmpo.data.published.gsm8k import gsm8k_rows
from pmpo.errors import InvalidDataError, InvalidInputError

_TASK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class Adapter(Protocol):
    """Makes rows of the published ones. ``with_reasoning`` False: targets hold the answer alone."""

    def __call__(self, published: Sequence[Row], task: str, *, with_reasoning: bool) -> list[Row]:
        """See the adapters' modules."""
        ...


@dataclass(frozen=True, slots=True)
class PublishedSet:
    """One data set.

    Attributes:
        adapter: makes its rows.
        parts: what may stand after the colon of its name, for messages.
        files: where a part's file lies under the data folder: as a folder of our naming, and as a clone of the source.
        source: its repository.
        licence: under which its authors publish the data.
    """

    adapter: Adapter
    parts: str
    files: tuple[str, ...]
    source: str
    licence: str


PUBLISHED: Mapping[str, PublishedSet] = MappingProxyType(
    {
        "bbh": PublishedSet(
            bbh_rows,
            "a task, such as navigate",
            ("bbh/bbh/{part}.json", "BIG-Bench-Hard/bbh/{part}.json"),
            "https://github.com/suzgunmirac/BIG-Bench-Hard",
            "MIT",
        ),
        "gsm8k": PublishedSet(
            gsm8k_rows,
            "train or test",
            ("gsm8k/{part}.jsonl", "grade-school-math/grade_school_math/data/{part}.jsonl"),
            "https://github.com/openai/grade-school-math",
            "MIT",
        ),
        "aqua": PublishedSet(
            aqua_rows,
            "train, dev or test",
            ("aqua/{part}.json", "AQuA/{part}.json"),
            "https://github.com/google-deepmind/AQuA",
            "Apache-2.0",
        ),
        "alpaca_eval": PublishedSet(
            alpaca_output_rows,
            "a model, such as text_davinci_003",
            ("alpaca_eval/results/{part}/model_outputs.json",),
            "https://github.com/tatsu-lab/alpaca_eval",
            "CC BY-NC 4.0",
        ),
        "alpaca_pairs": PublishedSet(
            alpaca_pair_rows,
            "a model, such as text_davinci_003",
            ("alpaca_eval/results/{part}/weighted_alpaca_eval_gpt4_turbo/annotations.json",),
            "https://github.com/tatsu-lab/alpaca_eval",
            "CC BY-NC 4.0",
        ),
    }
)


def is_published_name(name: str) -> bool:
    """Whether ``name`` is meant as a published set (``bbh:navigate``) and not as a file."""
    return name.partition(":")[0] in PUBLISHED and ":" in name


def published_set(name: str) -> tuple[PublishedSet, str]:
    """The set that a name like ``bbh:navigate`` means, and the part of it.

    Raises:
        InvalidInputError: there is no such set, or the name has no part; the remedy is said.
    """
    key, _, part = name.partition(":")
    known = PUBLISHED.get(key)
    if known is None:
        raise InvalidInputError(f"there is no published set {name!r:.60}; known are: {', '.join(PUBLISHED)}")
    if not _TASK.fullmatch(part):
        raise InvalidInputError(f"{name!r:.60} does not say which part is meant; write {key}: and {known.parts}")
    return known, part


def load_published(
    name: str, data_dir: Path | None, file: Path | None = None, *, with_reasoning: bool = True
) -> list[Row]:
    """The rows of a published set, in its order.

    Args:
        name: set and part, such as ``bbh:navigate`` or ``gsm8k:train``.
        data_dir: the folder of ``PMPO_DATA_DIR``, in which the published file is looked for.
        file: the published file itself, wherever it lies.
        with_reasoning: whether targets hold the published reasoning, where there is one, before the answer.

    Raises:
        InvalidInputError: an unknown name.
        InvalidDataError: the file is missing, malformed, or another one than the name says.
    """
    known, part = published_set(name)
    published = load_rows(file if file is not None else _find(name, known, part, data_dir))
    rows = known.adapter(published, part, with_reasoning=with_reasoning)
    if not rows:
        raise InvalidDataError(f"no row of {name} can be used; take the file as its authors publish it")
    return rows


def _find(name: str, known: PublishedSet, part: str, data_dir: Path | None) -> Path:
    where = f"it is published at {known.source} (licence: {known.licence})"
    if data_dir is None:
        raise InvalidDataError(
            f"{name} is not part of pmpo: {where}; set PMPO_DATA_DIR to a folder with "
            f"{known.files[0].format(part=part)}"
        )
    places = [Path(place.format(part=part)) for place in known.files]
    found = next((data_dir / place for place in places if (data_dir / place).is_file()), None)
    if found is not None:
        return found
    near = _nearest(known, part, data_dir)
    hint = f"did you mean {name.partition(':')[0]}:{near}?" if near else f"{where}; put it there"
    raise InvalidDataError(f"{name}: there is no {' or '.join(map(str, places))} in {data_dir.absolute()}; {hint}")


def _nearest(known: PublishedSet, part: str, data_dir: Path) -> str | None:
    """The part that is there and looks most like the one that is not."""
    parts = []
    for pattern in known.files:
        before, after = pattern.split("{part}")
        found = [path.relative_to(data_dir).as_posix() for path in data_dir.glob(f"{before}*{after}")]
        parts += [place.removeprefix(before).removesuffix(after) for place in found]
    return next(iter(get_close_matches(part, parts, n=1)), None)
