"""Merge conflicts that git left in a file."""

from __future__ import annotations

import re

from pmpo.errors import InvalidInputError

_MARKERS = re.compile(r"^<{7}(?= |$).*?^={7}$.*?^>{7}(?= |$)", re.DOTALL | re.MULTILINE)


def refuse_conflict(text: str, where: str, remedy: str) -> None:
    """Raises: InvalidInputError: git's three markers stand in ``text``; names the line of the first, and ``remedy``."""
    found = _MARKERS.search(text.replace("\r\n", "\n"))
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        raise InvalidInputError(f"{where}, line {line}: a merge conflict is not resolved; {remedy}")
