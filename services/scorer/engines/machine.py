"""A machine: what scores and what generates, over one model."""

from __future__ import annotations

from dataclasses import dataclass

from services.scorer.engines.base import Engine
from services.scorer.generation.types import Generator


@dataclass(frozen=True, slots=True)
class Machine:
    """An engine that has checked itself, and a generator over the same model."""

    engine: Engine
    generator: Generator
