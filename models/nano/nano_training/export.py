"""Writes the model in the Hugging Face layout: bf16 weights, one file at a time by rename."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn
from transformers import Qwen3ForCausalLM

from nano_training.tokenizer import wrap_tokenizer


def export_model(folder: Path, model: Qwen3ForCausalLM, tokenizer: Tokenizer) -> None:
    """Replace the model's files in ``folder``, which is made if need be; each file is whole at any moment."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as temporary:
        staged = Path(temporary)
        rounded = Qwen3ForCausalLM(model.config)
        rounded.load_state_dict(model.state_dict())
        nn.Module.to(rounded, torch.bfloat16)
        rounded.save_pretrained(staged)
        wrap_tokenizer(tokenizer).save_pretrained(staged)
        for path in sorted(staged.iterdir()):
            path.chmod(0o644)
            path.replace(folder / path.name)
