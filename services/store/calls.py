"""A script of Redis with its arguments, so that another room of the store can run it in one step with its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redis.commands.core import AsyncScript


@dataclass(frozen=True, slots=True)
class ScriptCall:
    """A script with what it is called with, to be run in one step with another."""

    script: AsyncScript
    keys: Sequence[str]
    args: Sequence[str | bytes | int | float]
