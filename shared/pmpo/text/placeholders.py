"""Placeholders in prompts: ``{{name}}``, with spaces allowed inside the braces. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pmpo.errors import PlaceholderError

PLACEHOLDER = re.compile(r"\{\{[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*\}\}")


def placeholders(prompt: str) -> tuple[str, ...]:
    """The names of all placeholders in the order they stand in, repeated ones repeated."""
    return tuple(match.group(1) for match in PLACEHOLDER.finditer(prompt))


def fill(prompt: str, fields: Mapping[str, str]) -> str:
    """The prompt with every placeholder replaced by its field, in one pass: values are never filled again.

    Raises:
        PlaceholderError: a placeholder has no field; names it and the fields that are known.
    """

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in fields:
            known = ", ".join(sorted(fields)) or "none"
            raise PlaceholderError(
                f"the prompt's placeholder {{{{{name}}}}} has no field; the known fields are: {known}"
            )
        return fields[name]

    return PLACEHOLDER.sub(value_of, prompt)
