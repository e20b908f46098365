"""Groups of commands, and how the help of each looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

Function = TypeVar("Function", bound=Callable[..., Any])


class Group(typer.Typer):
    """Commands under one word; the word alone shows their help."""

    def __init__(self, about: str, epilog: str | None = None) -> None:
        super().__init__(
            cls=_PlainGroup,
            help=about,
            epilog=epilog,
            no_args_is_help=True,
            rich_markup_mode="markdown",
            pretty_exceptions_enable=False,
        )

    def command(  # type: ignore[override] # of what typer takes, what a command has
        self, name: str | None = None, *, epilog: str | None = None
    ) -> Callable[[Function], Function]:
        """A decorator: the function is the command ``name``; ``epilog`` holds an example."""
        return super().command(name, cls=_PlainCommand, epilog=epilog)


class _PlainCommand(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, of which flags have no type to show."""
        return _flags_without_type(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage without typer's braces around what must be given."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]


class _PlainGroup(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        """The same."""
        return _flags_without_type(super().get_params(ctx))


def _flags_without_type(parameters: list[Any]) -> list[Any]:
    for each in parameters:
        if isinstance(each, TyperOption) and each.is_flag:
            each.metavar = ""
    return parameters
