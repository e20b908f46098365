"""Frozen dataclasses to plain JSON values and back, by their declared types. Exact: what comes back is equal."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def to_plain(value: Any) -> Any:
    """Dataclasses become objects, tuples become lists; scalars stay (Python writes floats so that they read back)."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    return value


def from_plain(declared: Any, value: Any) -> Any:
    """The value of type ``declared`` that ``to_plain`` made ``value`` from.

    Raises:
        ValueError: the value is none of that type; says what stood where what should stand.
    """
    if dataclasses.is_dataclass(declared):
        return _dataclass(declared, value)
    origin, arguments = get_origin(declared), get_args(declared)
    if origin in (Union, UnionType):
        return _optional(arguments, value)
    if origin is Literal:
        return value if value in arguments else _refuse(declared, value)
    if origin is tuple:
        return _tuple(declared, arguments, value)
    if origin is list:
        return [from_plain(arguments[0], item) for item in _list(declared, value)]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        items = value.items() if isinstance(value, dict) else _refuse(declared, value)
        return {key: from_plain(arguments[1], item) for key, item in items}
    return _scalar(declared, value)


def _dataclass(declared: Any, value: Any) -> Any:
    types = _field_types(declared)
    if not isinstance(value, dict) or not value.keys() <= types.keys():
        _refuse(declared, value)
    try:
        return declared(**{name: from_plain(types[name], item) for name, item in value.items()})
    except TypeError as error:
        raise ValueError(str(error)) from None


@cache
def _field_types(declared: type) -> dict[str, Any]:
    hints = get_type_hints(declared)
    return {field.name: hints[field.name] for field in dataclasses.fields(declared)}


def _optional(arguments: tuple[Any, ...], value: Any) -> Any:
    """Unions here are of one type and None."""
    if value is None and NoneType in arguments:
        return None
    (declared,) = (argument for argument in arguments if argument is not NoneType)
    return from_plain(declared, value)


def _tuple(declared: Any, arguments: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    items = _list(declared, value)
    if arguments[1:] == (Ellipsis,):
        return tuple(from_plain(arguments[0], item) for item in items)
    if len(items) != len(arguments):
        _refuse(declared, value)
    return tuple(from_plain(argument, item) for argument, item in zip(arguments, items, strict=True))


def _list(declared: Any, value: Any) -> list[Any]:
    return value if isinstance(value, list) else _refuse(declared, value)


def _scalar(declared: Any, value: Any) -> Any:
    if declared is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not declared:
        _refuse(declared, value)
    return value


def _refuse(declared: Any, value: Any) -> Any:
    raise ValueError(f"{value!r:.60} where {getattr(declared, '__name__', declared)} should stand")
