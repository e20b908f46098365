"""What a row's values may be: what JSON in UTF-8 can hold, nested no deeper than everything that reads it follows."""

from __future__ import annotations

import math
from collections.abc import Mapping

MAX_DEPTH = 32


def row_problem(row: Mapping[str, object]) -> str | None:
    """What keeps a row from being written as JSON, with the key and the remedy; None when nothing does."""
    for key, value in row.items():
        problem = _key_problem(key)
        if problem is not None:
            return problem
        problem = _problem(value)
        if problem is not None:
            return f"{key!r:.60} {problem}"
    return None


def kind_of(value: object) -> str:
    """What a JSON value is, for a sentence."""
    numbers = {bool: "true or false", int: "a number", float: "a number"}
    names = {**numbers, list: "a list", str: "a text", dict: "an object", type(None): "null"}
    return names.get(type(value), f"a {type(value).__name__}")


def _problem(value: object, depth: int = 1) -> str | None:
    """Half a sentence that goes on after the key. A value that holds itself is nested without end."""
    if not isinstance(value, dict | list | tuple):
        return _scalar_problem(value)
    if depth > MAX_DEPTH:
        return f"is nested more than {MAX_DEPTH} deep; flatten it or leave it out"
    problem = _keys_problem(value) if isinstance(value, dict) else None
    held = value.values() if isinstance(value, dict) else value
    return problem or next(filter(None, (_problem(each, depth + 1) for each in held)), None)


def _keys_problem(found: Mapping[object, object]) -> str | None:
    problem = next(filter(None, map(_key_problem, found)), None)
    return None if problem is None else f"holds an object in which {problem}"


def _scalar_problem(value: object) -> str | None:
    if isinstance(value, str):
        return None if _is_text(value) else "holds half of a surrogate pair, which is no text; remove it"
    if isinstance(value, float):
        return None if math.isfinite(value) else "holds a number that is not finite; leave it out or write null"
    if value is None or isinstance(value, int):
        return None
    return f"holds {kind_of(value)}, which JSON does not have; make it a text or a number"


def _key_problem(key: object) -> str | None:
    if not isinstance(key, str):
        return f"the key {key!r:.60} is {kind_of(key)}; keys are texts"
    return None if _is_text(key) else f"the key {key!r:.60} holds half of a surrogate pair, which is no text; remove it"


def _is_text(value: str) -> bool:
    if value.isascii():  # most are, and it is told without looking
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
