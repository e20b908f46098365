"""A tiny model with a real tokenizer and a ChatML template, made here: random weights, bytes as tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast, Qwen3Config

from pmpo.runtime.metrics import ScorerMetrics
from pmpo.runtime.settings import Settings, load_settings
from services.scorer.model_source import ModelSource, find_model
from services.scorer.rendering.alignment import Renderer
from services.scorer.rendering.codec import TextCodec, load_tokenizer
from services.scorer.rendering.template import ChatTemplate
from services.scorer.service import ScorerService
from services.scorer.startup import ServiceSlot, build_service
from tests.unit.scorer.talking import open_client

CONTEXT_LENGTH = 256
CHAT_ML = (
    "{% for m in messages %}<|im_start|>{{m.role}}\n{{m.content}}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if think is defined and not think %}<think></think>{% endif %}{% endif %}"
)
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def byte_tokenizer(chat_template: str) -> PreTrainedTokenizerFast:
    """Every byte is a token; the special tokens come after them."""
    vocabulary = {letter: place for place, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    raw = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIALS})
    tokenizer.chat_template = chat_template
    return tokenizer


def save_model(folder: Path, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=CONTEXT_LENGTH,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data.mul_(4.0)  # so that predictions differ from position to position
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_model(folder, byte_tokenizer(CHAT_ML))
    return folder


@pytest.fixture(scope="session")
def source(model_folder: Path) -> ModelSource:
    return find_model(str(model_folder))


@pytest.fixture(scope="session")
def codec(source: ModelSource) -> TextCodec:
    return TextCodec(load_tokenizer(source))


@pytest.fixture(scope="session")
def template(source: ModelSource, codec: TextCodec) -> ChatTemplate:
    return ChatTemplate(load_tokenizer(source), codec)


@pytest.fixture(scope="session")
def renderer(codec: TextCodec, template: ChatTemplate) -> Renderer:
    return Renderer(codec, template, CONTEXT_LENGTH, max_request_tokens=5_000)


@pytest.fixture(scope="session")
def settings(model_folder: Path) -> Settings:
    return load_settings(
        {"PMPO_SCORER_MODEL": str(model_folder), "PMPO_SCORER_MAX_QUEUED_TOKENS": "5000", "PMPO_SCORER_THREADS": "1"}
    )


@pytest.fixture
def metrics() -> ScorerMetrics:
    return ScorerMetrics()


@pytest.fixture
async def service(settings: Settings, source: ModelSource, metrics: ScorerMetrics) -> AsyncIterator[ScorerService]:
    built = build_service(settings, source, metrics)
    built.start()
    yield built
    await built.close()


@pytest.fixture
async def client(service: ScorerService, metrics: ScorerMetrics) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(ServiceSlot(service, metrics)) as opened:
        yield opened
