"""Who takes part: PMPO, PMPO without a part, every rival under its published scoring and under loss.

To add one from another package, write a ``Contestant`` whose ``events`` yields IncumbentAccepted and IterationFinished:
that is all a trial reads. gepa would come in as a GEPAAdapter over ``ports.target`` with ``ports.rewriter`` as its
reflection model; promptolution as a subclass of its BaseLLM over the same two ports. What is asked elsewhere than of
these ports is not counted in engine seconds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from benchmarks.optimizing.ablations import Change, Nothing, RandomExample, WithoutMaskAnalysis, changed_search
from pmpo.baselines.catalogue import CATALOGUE, rival_of
from pmpo.baselines.compete import compete
from pmpo.baselines.spec import RivalSpec, Scoring
from pmpo.optim.events import Event
from pmpo.optim.journal import SearchPorts
from pmpo.optim.spec import SearchSpec
from pmpo.optim.types import Splits


class Contestant(Protocol):
    """A way of making a prompt better."""

    def events(self, spec: SearchSpec, splits: Splits, ports: SearchPorts) -> AsyncIterator[Event]:
        """One run from ``spec.prompt`` under ``spec.caps``."""
        ...


@dataclass(frozen=True, slots=True)
class Pmpo:
    """Our search, perhaps changed."""

    change: Change

    def events(self, spec: SearchSpec, splits: Splits, ports: SearchPorts) -> AsyncIterator[Event]:
        """See ``Contestant.events``."""
        return changed_search(spec, splits, ports, self.change)


@dataclass(frozen=True, slots=True)
class RivalRun:
    """A rival with the shared operator: the bundled model knows our meta-prompt and no other."""

    name: str
    scoring: Scoring

    def events(self, spec: SearchSpec, splits: Splits, ports: SearchPorts) -> AsyncIterator[Event]:
        """See ``Contestant.events``."""
        return compete(rival_of(self.name), RivalSpec(spec, self.scoring, "shared"), splits, ports)


def contestants() -> Mapping[str, Contestant]:
    """All by name. A rival whose published scoring is by loss takes part once."""
    found: dict[str, Contestant] = {
        "pmpo": Pmpo(Nothing()),
        "pmpo without mask analysis": Pmpo(WithoutMaskAnalysis()),
        "pmpo with random examples": Pmpo(RandomExample()),
    }
    for name in CATALOGUE:
        if rival_of(name).published == "loss":
            found[name] = RivalRun(name, "loss")
        else:
            found[f"{name}, by answers"] = RivalRun(name, "published")
            found[f"{name}, by loss"] = RivalRun(name, "loss")
    return found
