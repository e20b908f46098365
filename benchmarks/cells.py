"""Finished cells on the disk, one JSON file each, so that a benchmark that was killed goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any


class Cells:
    """Cells by name (``job/stage``), each stored with the key that it was made under.

    A cell whose key differs from the one asked for (another model, other sizes, another seed) counts as not there.

    Args:
        folder: where they lie.
        say: told, in a sentence, why a cell that is there is made again.
    """

    def __init__(self, folder: Path, say: Callable[[str], None] = print) -> None:
        self._folder = folder
        self._say = say

    def load(self, name: str, key: Mapping[str, Any]) -> Any | None:
        """The value; None when it is not there, was made under another key, or cannot be read."""
        stored = self._stored(name)
        return stored["value"] if stored.get("key") == _plain(key) else None

    def save(self, name: str, key: Mapping[str, Any], value: Any) -> Any:
        """Write a cell in one step, so that a kill leaves the old one or the new one; returns it as it will be read."""
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"key": _plain(key), "value": value}, ensure_ascii=False, separators=(",", ":"))
        waiting = path.with_suffix(".part")
        waiting.write_text(text + "\n", encoding="utf-8")
        waiting.replace(path)
        return json.loads(text)["value"]

    async def have(self, name: str, key: Mapping[str, Any], make: Callable[[], Awaitable[Any]]) -> Any:
        """The stored value, or what ``make`` gives, which is stored first."""
        found = self.load(name, key)
        if found is not None:
            return found
        difference = what_differs(self._stored(name).get("key", {}), _plain(key))
        if difference:
            self._say(f"{name} is made again: {difference}")
        return self.save(name, key, await make())

    def _stored(self, name: str) -> dict[str, Any]:
        """The whole cell; empty when it is not there or cannot be read."""
        try:
            stored = json.loads(self._path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return stored if isinstance(stored, dict) and {"key", "value"} <= stored.keys() else {}

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def what_differs(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What made a cell belong to something else, in words; empty for an empty ``before``."""
    if not before:
        return ""
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    changes = [f"{name} was {before.get(name)}, now {now.get(name)}" for name in names if name != "revision"]
    if "revision" in names:
        weights = f"it belongs to other weights ({before.get('revision')}, now {now.get('revision')})"
        changes = [weights, *changes]
    return "; ".join(changes)


def _plain(key: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(dict(key), sort_keys=True))
