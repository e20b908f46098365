"""Prompts, locks and measurements to compare."""

from __future__ import annotations

from typing import Any

from pmpo.ci.comparison import Measured, Thresholds
from pmpo.ci.digests import Fingerprint
from pmpo.ci.lock import LockedPrompt
from pmpo.ci.standing import Standing
from pmpo.contracts.jobs import ModelView

UNIT = "nats per token"
NANO = ModelView(model="nano", revision="1", dtype="float32", engine="torch_tree")
NOW = Fingerprint(prompt="p", data="d", scoring="s", search="r", meta_prompts="m")


def losses(*values: float) -> dict[str, float]:
    return {f"row{number}": value for number, value in enumerate(values)}


def measured(*values: float) -> Measured:
    return Measured(losses(*values), dict.fromkeys(losses(*values), 1.0), UNIT)


def locked(**changes: Any) -> LockedPrompt:
    values: dict[str, Any] = {
        "file": "prompts/city.txt",
        "prompt": NOW.prompt,
        "data": NOW.data,
        "scoring": NOW.scoring,
        "search": NOW.search,
        "meta_prompts": NOW.meta_prompts,
        "verdict": "confirmed",
        "loss": 0.1,
        "unit": UNIT,
        "models": {"default": NANO},
        "text": "Name the city.",
        "losses": losses(*[0.1] * 8),
    }
    return LockedPrompt(**{**values, **changes})


def standing(**changes: Any) -> Standing:
    values: dict[str, Any] = {
        "name": "city",
        "file": "prompts/city.txt",
        "text": "Name the city.",
        "thresholds": Thresholds(),
        "locked": locked(),
        "changes": (),
    }
    return Standing(**{**values, **changes})
