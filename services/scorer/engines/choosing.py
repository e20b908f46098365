"""From the settings to an engine and its generator: the one place that knows which engines there are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from pmpo.errors import ConfigurationError
from pmpo.runtime.addresses import base_urls
from pmpo.runtime.settings import Settings
from services.scorer.engines.machine import Machine
from services.scorer.generation.whole import WholeAnswers
from services.scorer.model_source import ModelSource
from services.scorer.rendering.codec import TextCodec, load_tokenizer
from services.scorer.rendering.template import ChatTemplate

CACHED_TOKENS_PER_BATCH_TOKEN = 2


@dataclass(frozen=True, slots=True)
class ModelText:
    """How a model's texts become token ids. ``digest`` changes with the tokenizer and the template."""

    codec: TextCodec
    template: ChatTemplate
    digest: str


def load_text(settings: Settings, source: ModelSource) -> ModelText:
    """The tokenizer and the chat template of a model: from its files, or from its server.

    Raises:
        ConfigurationError: they cannot be loaded or used.
        ScorerUnavailableError: no server answers that has them.
    """
    if settings.scorer_remote_tokenizer == "server":
        return _served_text(settings)
    tokenizer = load_tokenizer(source)
    codec = TextCodec(tokenizer)
    vocabulary = hashlib.sha256(repr(sorted(tokenizer.get_vocab().items())).encode()).hexdigest()
    return ModelText(codec, ChatTemplate(tokenizer, codec), f"{vocabulary}\0{tokenizer.chat_template}")


def _served_text(settings: Settings) -> ModelText:
    from services.scorer.engines.remote.served_tokenizer import ask_for_tokenizer
    from services.scorer.engines.remote.transport import Access

    if settings.scorer_engine != "remote":
        raise ConfigurationError("PMPO_SCORER_REMOTE_TOKENIZER=server is for PMPO_SCORER_ENGINE=remote: leave it out")
    access = Access(settings.scorer_remote_key, settings.scorer_remote_timeout_s)
    tokenizer = ask_for_tokenizer(_urls(settings), access, settings.scorer_remote_model)
    codec = TextCodec(tokenizer)
    return ModelText(codec, ChatTemplate(tokenizer, codec), tokenizer.digest)


def choose_engine(settings: Settings, source: ModelSource, text: ModelText) -> Machine:
    """The engine of ``PMPO_SCORER_ENGINE``, checked, and its generator. Takes seconds to minutes.

    Raises:
        ConfigurationError: the model or the servers cannot be used.
        EngineError: the engine's numbers are not those of the model.
    """
    choices: dict[str, Callable[[Settings, ModelSource, ModelText], Machine]] = {
        "torch_tree": _torch_tree,
        "vllm_local": _vllm_local,
        "remote": _remote,
        "sampled_prefix": _sampled_prefix,
    }
    return choices[settings.scorer_engine](settings, source, text)


def _torch_tree(settings: Settings, source: ModelSource, text: ModelText) -> Machine:
    from services.scorer.engines.loading import load_model
    from services.scorer.engines.torch_tree import TorchTreeEngine
    from services.scorer.generation.loop import TorchGenerator

    loaded = load_model(source, settings.scorer_dtype, settings.scorer_threads)
    engine = TorchTreeEngine(
        loaded.model,
        loaded.identity,
        settings.scorer_max_batch_tokens,
        max_batch_bytes=settings.scorer_batch_mib * 2**20 or None,
    )
    generator = TorchGenerator(
        loaded.model,
        text.codec,
        end_ids=loaded.end_token_ids | text.template.end_token_ids(),
        max_cached_tokens=CACHED_TOKENS_PER_BATCH_TOKEN * settings.scorer_max_batch_tokens,
    )
    return Machine(engine, generator)


def _vllm_local(settings: Settings, source: ModelSource, text: ModelText) -> Machine:
    from services.scorer.engines.vllm_local.engine import VllmLocalEngine
    from services.scorer.engines.vllm_local.generator import VllmLocalGenerator
    from services.scorer.engines.vllm_local.loading import load_vllm

    loaded = load_vllm(settings, source)
    engine = VllmLocalEngine(loaded.calls, loaded.identity)
    engine.self_check()
    end_ids = loaded.end_token_ids | text.template.end_token_ids()
    return Machine(engine, WholeAnswers(VllmLocalGenerator(loaded.calls, text.codec, end_ids)))


def _remote(settings: Settings, source: ModelSource, text: ModelText) -> Machine:
    from services.scorer.engines.remote.connecting import RemoteSettings, Tokenizer, connect
    from services.scorer.engines.remote.generator import RemoteGenerator
    from services.scorer.engines.remote.session import Patience

    connected = connect(
        RemoteSettings(
            urls=_urls(settings),
            model=settings.scorer_remote_model,
            key=settings.scorer_remote_key,
            context_length=settings.scorer_remote_context_length or None,
            max_calls=settings.scorer_remote_concurrency,
            timeout_s=settings.scorer_remote_timeout_s,
            patience=Patience(),
        ),
        Tokenizer(
            encode=lambda words: text.codec.encode(words, literal=False),
            decode=lambda ids: text.codec.decode(ids, keep_special=True),
            digest=text.digest,
        ),
        _context_length(source) if settings.scorer_remote_tokenizer == "files" else None,
    )
    connected.engine.self_check()
    generator = RemoteGenerator(connected.engine, connected.dialect, text.codec, text.template.end_token_ids())
    return Machine(connected.engine, WholeAnswers(generator))


def _sampled_prefix(settings: Settings, source: ModelSource, text: ModelText) -> Machine:
    from services.scorer.engines.remote.dialects.completions import CompletionsEcho, Form
    from services.scorer.engines.remote.fleet import Fleet, Server
    from services.scorer.engines.remote.generator import RemoteGenerator
    from services.scorer.engines.remote.session import Patience, Session, no_check
    from services.scorer.engines.remote.transport import Access
    from services.scorer.engines.sampled_prefix import SampledPrefixEngine

    model = settings.scorer_remote_model
    if model is None:
        raise ConfigurationError("PMPO_SCORER_REMOTE_MODEL is not set: sampled_prefix must know which model to ask")
    length = settings.scorer_remote_context_length or _context_length(source)
    if not length:
        raise ConfigurationError("the tokenizer's files state no context length: set PMPO_SCORER_REMOTE_CONTEXT_LENGTH")
    fleet = Fleet([Server(url) for url in _urls(settings)], settings.scorer_remote_concurrency)
    access = Access(settings.scorer_remote_key, settings.scorer_remote_timeout_s)
    engine = SampledPrefixEngine(
        lambda: Session(fleet, access, Patience(), no_check),
        model,
        settings.scorer_sampled_max_calls,
        length,
        text.codec,
    )
    engine.self_check()
    dialect = CompletionsEcho(model, Form(with_ids=False, logprobs=0, max_tokens=0))
    generator = RemoteGenerator(engine, dialect, text.codec, text.template.end_token_ids())
    return Machine(engine, WholeAnswers(generator))


def _urls(settings: Settings) -> tuple[str, ...]:
    try:
        return base_urls(settings.scorer_remote_urls or "")
    except ValueError as error:
        # the value is not repeated: it may hold a password
        raise ConfigurationError(f"PMPO_SCORER_REMOTE_URLS is not usable: {error}") from None


def _context_length(source: ModelSource) -> int | None:
    """What the configuration among the tokenizer's files says; None without one."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(source.location, local_files_only=source.is_local, trust_remote_code=False)
    except (OSError, ValueError):
        return None
    length = getattr(config.get_text_config(), "max_position_embeddings", None)
    return int(length) if length else None
