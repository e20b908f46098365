"""Which model a setting means, checked on the disk before anything heavy is imported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pmpo.errors import ConfigurationError
from services.bundled import nano_dir

BUNDLED_MODEL = "nano"
_NEEDED = ("config.json", "*.safetensors", "tokenizer*")
_NEEDED_WITHOUT_WEIGHTS = ("tokenizer*",)
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model comes from: ``name`` is what answers say, ``location`` a folder or a hub id."""

    name: str
    location: str
    is_local: bool


def find_model(setting: str, *, needs_weights: bool = True) -> ModelSource:
    """The model that ``PMPO_SCORER_MODEL`` names: nano, a folder with safetensors weights, or a hub id.

    Args:
        setting: the variable's value.
        needs_weights: without, a folder with the tokenizer's files is enough.

    Raises:
        ConfigurationError: there is no such folder, or it lacks the configuration or the weights.
    """
    needed = _NEEDED if needs_weights else _NEEDED_WITHOUT_WEIGHTS
    if setting == BUNDLED_MODEL:
        return _local(nano_dir(), BUNDLED_MODEL, needed)
    folder = Path(setting).expanduser()
    if folder.is_dir():
        return _local(folder, folder.resolve().name, needed)
    if _HUB_ID.fullmatch(setting):
        return ModelSource(setting, setting, is_local=False)
    raise ConfigurationError(
        f"PMPO_SCORER_MODEL={setting!r} is no folder, no hub id (owner/name) and not 'nano': give one of these"
    )


def _local(folder: Path, name: str, needed: tuple[str, ...]) -> ModelSource:
    if (folder / "adapter_config.json").exists():  # transformers would fetch the base model that the file names
        raise ConfigurationError(
            f"PMPO_SCORER_MODEL: {folder} holds an adapter (adapter_config.json): merge it into its model, "
            "or give vLLM the model and the adapter (PMPO_SCORER_VLLM_LORA)"
        )
    for pattern in needed:
        if not any(folder.glob(pattern)):
            raise ConfigurationError(
                f"PMPO_SCORER_MODEL: {folder} holds no {pattern}: it is no model that can be loaded"
            )
    return ModelSource(name, str(folder.resolve()), is_local=True)
