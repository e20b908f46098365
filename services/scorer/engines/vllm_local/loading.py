"""Loading a model into vLLM. The only module that imports vllm."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoConfig, GenerationConfig, PreTrainedConfig

from pmpo.errors import ConfigurationError
from pmpo.runtime.settings import Settings
from services.scorer.engines.base import EngineIdentity
from services.scorer.engines.loading import count_parameters, folder_revision
from services.scorer.engines.vllm_local.calls import VllmCalls
from services.scorer.engines.vllm_local.memory import share_of_gpu
from services.scorer.model_source import ModelSource

GIB = 2**30
# Ours unless the operator has set them: no report to anybody, no second process, and only what matters in the log.
VLLM_VARIABLES = {
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_LOGGING_LEVEL": "WARNING",
}


@dataclass(frozen=True, slots=True)
class LoadedVllm:
    """A model in vLLM, what it is, and the tokens after which its generation config stops."""

    calls: VllmCalls
    identity: EngineIdentity
    end_token_ids: frozenset[int]


def load_vllm(settings: Settings, source: ModelSource) -> LoadedVllm:
    """Load the model with the options of ``PMPO_SCORER_VLLM_*``. Takes a minute or several.

    Raises:
        ConfigurationError: vllm is not installed here, or cannot load the model.
    """
    refuse_pickled_adapter(settings)
    for name, value in VLLM_VARIABLES.items():
        os.environ.setdefault(name, value)
    try:
        from vllm import LLM, SamplingParams
        from vllm.lora.request import LoRARequest
    except ImportError as error:
        raise ConfigurationError(
            f"PMPO_SCORER_ENGINE=vllm_local needs vllm in this environment ({error}): install it into one of its own, "
            "see docs/engines.md"
        ) from error
    config = _config(source)
    lora = LoRARequest("adapter", 1, settings.scorer_vllm_lora) if settings.scorer_vllm_lora else None
    try:
        llm: Any = LLM(**engine_options(settings, source, config.get_text_config().vocab_size, _gpu_bytes()))
    except Exception as error:  # vLLM's, torch's and other people's code: any class may come
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigurationError(f"vLLM cannot load the model {source.name}: {reason}") from error
    identity = _identity(settings, source, config, llm.llm_engine.model_config)
    return LoadedVllm(VllmCalls(llm, SamplingParams, lora), identity, _end_token_ids(source))


def refuse_pickled_adapter(settings: Settings) -> None:
    """See that an adapter has safetensors: vLLM would open a pickle where there are none.

    Raises:
        ConfigurationError: the adapter's folder has none.
    """
    adapter = settings.scorer_vllm_lora
    if adapter and not (Path(adapter) / "adapter_model.safetensors").is_file():
        raise ConfigurationError(
            f"PMPO_SCORER_VLLM_LORA: {adapter} holds no adapter_model.safetensors: save the adapter as safetensors"
        )


def engine_options(settings: Settings, source: ModelSource, vocab_size: int, gpu_bytes: int | None) -> dict[str, Any]:
    """Arguments of ``vllm.LLM``. ``gpu_bytes``: the memory of one GPU; None on a CPU.

    Raises:
        ConfigurationError: no memory is left for the model.
    """
    options: dict[str, Any] = {
        "model": source.location,
        "dtype": settings.scorer_dtype,
        "tensor_parallel_size": settings.scorer_vllm_tensor_parallel,
        "max_num_batched_tokens": settings.scorer_max_batch_tokens,
        "enforce_eager": settings.scorer_vllm_eager,
        "enable_prefix_caching": True,
        "generation_config": "vllm",  # requests say all that decides a sample
        "trust_remote_code": False,
        "load_format": "safetensors",  # auto would take pickles where there are none
        "use_tqdm_on_load": False,
        "seed": 0,
    }
    if settings.scorer_vllm_max_model_len:
        options["max_model_len"] = settings.scorer_vllm_max_model_len
    if settings.scorer_vllm_quantization:
        options["quantization"] = settings.scorer_vllm_quantization
    if settings.scorer_vllm_float32_head:
        options["hf_overrides"] = {"head_dtype": "float32"}
    if settings.scorer_vllm_lora:
        options["enable_lora"] = True
    if settings.scorer_vllm_cache_gib:
        options["kv_cache_memory_bytes"] = int(settings.scorer_vllm_cache_gib * GIB)
    if gpu_bytes is not None:
        rows = settings.scorer_max_batch_tokens
        options["gpu_memory_utilization"] = share_of_gpu(settings.scorer_vllm_gpu_memory, gpu_bytes, rows, vocab_size)
    return options


def _config(source: ModelSource) -> PreTrainedConfig:
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(
            source.location, local_files_only=source.is_local, trust_remote_code=False
        )
    except Exception as error:  # files of many authors: any class may come
        reason = str(error).strip().splitlines()[0]
        raise ConfigurationError(
            f"the model {source.name} cannot be loaded from {source.location}: {reason}"
        ) from error
    return config


def _gpu_bytes() -> int | None:
    import torch

    return int(torch.cuda.get_device_properties(0).total_memory) if torch.cuda.is_available() else None


def _identity(settings: Settings, source: ModelSource, config: PreTrainedConfig, served: Any) -> EngineIdentity:
    """``served`` is vLLM's ``ModelConfig``: the dtype and the length that it has settled on."""
    revision = (
        folder_revision(Path(source.location))
        if source.is_local
        else str(getattr(config, "_commit_hash", None) or "unknown")[:12]
    )
    if settings.scorer_vllm_lora:
        adapter = folder_revision(Path(settings.scorer_vllm_lora))
        revision = hashlib.sha256(f"{revision}+{adapter}".encode()).hexdigest()[:12]
    dtype = str(served.dtype).removeprefix("torch.")
    return EngineIdentity(
        model=source.name,
        revision=revision,
        dtype=f"{dtype}+{served.quantization}" if served.quantization else dtype,
        engine="vllm_local",
        mode="",
        num_parameters=count_parameters(config),
        context_length=int(served.max_model_len) - 1,  # vLLM wants room for the token that it generates
    )


def _end_token_ids(source: ModelSource) -> frozenset[int]:
    try:
        ids = GenerationConfig.from_pretrained(source.location, local_files_only=source.is_local).eos_token_id
    except OSError:
        return frozenset()
    return frozenset([ids] if isinstance(ids, int) else ids or ())
