"""Finished cells on the disk, one JSON file each, so that a benchmark that was killed goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any


class Cells:
    """Cells by name (``job/stage``), each stored with the key that it was made under.

    A cell whose key differs from the one asked for (another model, other sizes, another seed) counts as not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, name: str, key: Mapping[str, Any]) -> Any | None:
        """The value; None when it is not there, was made under another key, or cannot be read."""
        try:
            stored = json.loads(self._path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(stored, dict) or stored.get("key") != _plain(key):
            return None
        return stored["value"]

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
        return self.save(name, key, await make()) if found is None else found

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def _plain(key: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(dict(key), sort_keys=True))
