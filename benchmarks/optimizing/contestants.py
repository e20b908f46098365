"""Who takes part: PMPO, PMPO without a part, every rival under its published scoring and under loss.

To add one, write a ``Contestant`` whose ``events`` yields IncumbentAccepted and IterationFinished: that is all a trial
reads. Those from packages of others are in ``packaged.py``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from benchmarks.jobs import JobData
from benchmarks.optimizing.ablations import Change, Nothing, RandomExample, WithoutMaskAnalysis, changed_search
from pmpo.baselines.catalogue import CATALOGUE, rival_of
from pmpo.baselines.compete import compete
from pmpo.baselines.spec import RivalSpec, Scoring
from pmpo.optim.events import Event
from pmpo.optim.journal import SearchPorts
from pmpo.optim.losses import Supervised
from pmpo.optim.spec import SearchSpec
from pmpo.optim.types import Splits

PMPO = "pmpo"
WITHOUT_PREFERENCE = "pmpo without the preference loss"


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
class WithoutPreferenceLoss:
    """PMPO that is shown the right answers alone: their likelihood counts, not by how much they beat the wrong ones."""

    def events(self, spec: SearchSpec, splits: Splits, ports: SearchPorts) -> AsyncIterator[Event]:
        """See ``Contestant.events``."""
        return changed_search(replace(spec, objective=Supervised()), splits, ports, Nothing())


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
        PMPO: Pmpo(Nothing()),
        "pmpo without mask analysis": Pmpo(WithoutMaskAnalysis()),
        "pmpo without hard examples": Pmpo(RandomExample()),
        WITHOUT_PREFERENCE: WithoutPreferenceLoss(),
    }
    for name in CATALOGUE:
        if rival_of(name).published == "loss":
            found[name] = RivalRun(name, "loss")
        else:
            found[f"{name}, by answers"] = RivalRun(name, "published")
            found[f"{name}, by loss"] = RivalRun(name, "loss")
    return found


def takes_part(name: str, data: JobData) -> bool:
    """Is this contestant another one than ``pmpo`` on this job? The preference loss needs wrong answers to compare."""
    return name != WITHOUT_PREFERENCE or not isinstance(data.objective, Supervised)
