"""Loading a causal language model with transformers: safetensors only, no remote code, a stated dtype."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from pmpo.errors import ConfigurationError
from services.scorer.engines.base import EngineIdentity
from services.scorer.model_source import ModelSource

SMALL_MODEL_PARAMETERS = 100_000_000
REVISION_CHARACTERS = 12
_REVISION_FILES = ("*.safetensors", "config.json", "tokenizer*", "chat_template*", "*merges*", "*vocab*", "*.model")
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_BF16_CPU_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready to run and what it is. ``end_token_ids``: tokens after which its generation config stops."""

    model: PreTrainedModel
    identity: EngineIdentity
    end_token_ids: frozenset[int]


def load_model(source: ModelSource, dtype: str, num_threads: int) -> LoadedModel:
    """Load the weights to the accelerator if there is one, else to the CPU.

    Args:
        source: where the model lies.
        dtype: auto, float32 or bfloat16; auto is explained at ``choose_dtype``.
        num_threads: threads of torch on the CPU; 0 leaves torch's own choice.

    Raises:
        ConfigurationError: the model cannot be loaded, or the dtype is unknown.
    """
    transformers_logging.disable_progress_bar()
    # Else a hub model without safetensors is loaded from a bot's proposal, which its owner has not accepted.
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")
    if num_threads:
        torch.set_num_threads(num_threads)
    try:
        config = AutoConfig.from_pretrained(source.location, local_files_only=source.is_local, trust_remote_code=False)
        chosen = choose_dtype(dtype, count_parameters(config), torch.cuda.is_available(), _cpu_flags())
        model = AutoModelForCausalLM.from_pretrained(
            source.location,
            dtype=chosen,
            local_files_only=source.is_local,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except Exception as error:  # configurations, weights and code of many authors: any class may come
        reason = str(error).strip().splitlines()[0]
        raise ConfigurationError(
            f"the model {source.name} cannot be loaded from {source.location}: {reason}"
        ) from error
    torch.nn.Module.to(model, "cuda" if torch.cuda.is_available() else "cpu")
    model.eval().requires_grad_(False)
    return LoadedModel(model, _identity(source, model, chosen), _end_token_ids(model))


def choose_dtype(setting: str, num_parameters: int, has_gpu: bool, cpu_flags: frozenset[str]) -> torch.dtype:
    """The dtype that a setting means.

    ``auto``: bfloat16 on a GPU; on a CPU float32 below 100M parameters, above it bfloat16 where the processor
    multiplies bfloat16 in hardware (avx512_bf16, amx), else float32: elsewhere bfloat16 is slower and less exact.

    Raises:
        ConfigurationError: the setting is none of auto, float32, bfloat16.
    """
    if setting in _DTYPES:
        return _DTYPES[setting]
    if setting != "auto":
        raise ConfigurationError(f"PMPO_SCORER_DTYPE={setting!r} is not usable: give auto, float32 or bfloat16")
    if has_gpu:
        return torch.bfloat16
    if num_parameters < SMALL_MODEL_PARAMETERS or not cpu_flags & _BF16_CPU_FLAGS:
        return torch.float32
    return torch.bfloat16


def count_parameters(config: PreTrainedConfig) -> int:
    """Parameters of a model of this configuration, without allocating them."""
    with torch.device("meta"):
        return int(AutoModelForCausalLM.from_config(config).num_parameters())


def _cpu_flags() -> frozenset[str]:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return frozenset()
    lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
    return frozenset(flags.split())


def _identity(source: ModelSource, model: PreTrainedModel, dtype: torch.dtype) -> EngineIdentity:
    context_length = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if not context_length:
        raise ConfigurationError(f"the model {source.name} states no context length (max_position_embeddings)")
    return EngineIdentity(
        model=source.name,
        revision=folder_revision(Path(source.location)) if source.is_local else _hub_revision(model.config),
        dtype=str(dtype).removeprefix("torch."),
        engine="torch_tree",
        mode="unchecked",
        num_parameters=int(model.num_parameters()),
        context_length=int(context_length),
    )


def folder_revision(folder: Path) -> str:
    """SHA-256 over all that decides a score, in name order: weights, configuration, tokenizer, chat template.

    Its first 12 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for path in sorted({path for pattern in _REVISION_FILES for path in folder.glob(pattern) if path.is_file()}):
        digest.update(path.name.encode() + b"\0")
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return digest.hexdigest()[:REVISION_CHARACTERS]


def _hub_revision(config: PreTrainedConfig) -> str:
    return str(getattr(config, "_commit_hash", None) or "unknown")[:REVISION_CHARACTERS]


def _end_token_ids(model: PreTrainedModel) -> frozenset[int]:
    ids = model.generation_config.eos_token_id if model.can_generate() else None
    if ids is None:
        return frozenset()
    return frozenset([ids] if isinstance(ids, int) else ids)
