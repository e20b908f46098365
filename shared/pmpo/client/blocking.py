"""Turn the client's coroutines into plain calls: over a blocking transport they run to their end at once."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

Core = TypeVar("Core")
P = ParamSpec("P")
T = TypeVar("T")


def run(awaitable: Awaitable[T]) -> T:
    """The result of something that never suspends."""
    steps = awaitable.__await__()
    try:
        next(steps)
    except StopIteration as finished:
        result: T = finished.value
        return result
    raise RuntimeError("a blocking transport suspended; it must do its work before it returns")


def blocking(method: Callable[Concatenate[Core, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[Any, P], T]:
    """A blocking face's method: ``method`` of the face's ``core``, run to its end."""

    def call(self: Any, *args: P.args, **kwargs: P.kwargs) -> T:
        return run(method(self.core, *args, **kwargs))

    return cast("Callable[Concatenate[Any, P], T]", functools.wraps(method)(call))


def blocking_iterator(
    method: Callable[Concatenate[Core, P], AsyncGenerator[T, None]],
) -> Callable[Concatenate[Any, P], Iterator[T]]:
    """The same for an asynchronous generator."""

    def iterate(self: Any, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        source = method(self.core, *args, **kwargs)
        try:
            while True:
                try:
                    item = run(source.__anext__())
                except StopAsyncIteration:
                    return
                yield item
        finally:
            run(source.aclose())  # its connection is given back also when the caller stops in the middle

    return cast("Callable[Concatenate[Any, P], Iterator[T]]", functools.wraps(method)(iterate))
