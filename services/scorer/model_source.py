"""Which model a setting means, checked on the disk before anything heavy is imported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pmpo.errors import ConfigurationError
from services.bundled import nano_dir

BUNDLED_MODEL = "nano"
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model comes from: ``name`` is what answers say, ``location`` a folder or a hub id."""

    name: str
    location: str
    is_local: bool


def find_model(setting: str) -> ModelSource:
    """The model that ``PMPO_SCORER_MODEL`` names: nano, a folder with safetensors weights, or a hub id.

    Raises:
        ConfigurationError: there is no such folder, or it lacks the configuration or the weights.
    """
    if setting == BUNDLED_MODEL:
        return _local(nano_dir(), BUNDLED_MODEL)
    folder = Path(setting).expanduser()
    if folder.is_dir():
        return _local(folder, folder.resolve().name)
    if _HUB_ID.fullmatch(setting):
        return ModelSource(setting, setting, is_local=False)
    raise ConfigurationError(
        f"PMPO_SCORER_MODEL={setting!r} is no folder, no hub id (owner/name) and not 'nano': give one of these"
    )


def _local(folder: Path, name: str) -> ModelSource:
    for pattern in ("config.json", "*.safetensors", "tokenizer*"):
        if not any(folder.glob(pattern)):
            raise ConfigurationError(
                f"PMPO_SCORER_MODEL: {folder} holds no {pattern}: it is no model that can be loaded"
            )
    return ModelSource(name, str(folder.resolve()), is_local=True)
