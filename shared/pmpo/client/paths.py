"""Paths of things that have an id."""

from __future__ import annotations

from urllib.parse import quote

from pmpo.errors import InvalidInputError


def path_of(collection: str, identifier: str, empty: str, below: str = "") -> str:
    """The path of one thing of ``/v1/<collection>``, or of what is below it.

    Raises:
        InvalidInputError: the id is empty (says ``empty``), or no text.
    """
    try:
        identifier.encode()
    except (AttributeError, UnicodeEncodeError):
        raise InvalidInputError(f"{identifier!r:.80} is no id; give the text that was printed or answered") from None
    if not identifier.strip():
        raise InvalidInputError(empty)
    return f"/v1/{collection}/{quote(identifier.strip(), safe='')}{below}"
