"""Model servers over the tiny model, and an engine connected to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM, PreTrainedModel

from services.scorer.engines.remote.connecting import Connected, RemoteSettings, Tokenizer, connect
from services.scorer.engines.remote.session import Patience
from services.scorer.rendering.codec import TextCodec
from tests.model_servers import ModelServer

QUICK = Patience(max_tries=3, first_wait_s=0.01, max_wait_s=0.05, outage_s=1.0)


class CodecWords:
    """A codec as the servers' tokenizer."""

    def __init__(self, codec: TextCodec) -> None:
        self._codec = codec

    def encode(self, text: str) -> list[int]:
        return list(self._codec.encode(text, literal=False))

    def decode(self, ids: Any) -> str:
        return self._codec.decode(list(ids), keep_special=True)


@pytest.fixture(scope="session")
def tiny_model(model_folder: Path) -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(model_folder).eval()


@pytest.fixture
def make_server(tiny_model: PreTrainedModel, codec: TextCodec) -> Iterator[Callable[..., ModelServer]]:
    started: list[ModelServer] = []

    def make(flavour: str = "vllm", **more: Any) -> ModelServer:
        server = ModelServer(tiny_model, CodecWords(codec), flavour, **more)
        started.append(server)
        return server.start()

    yield make
    for server in started:
        server.stop()


@pytest.fixture
def connected(codec: TextCodec) -> Callable[..., Connected]:
    def make(*urls: str, length_of_files: int | None = 256, **more: Any) -> Connected:
        settings: dict[str, Any] = {
            "urls": urls,
            "model": None,
            "key": None,
            "context_length": None,
            "max_calls": 4,
            "timeout_s": 10.0,
            "patience": QUICK,
        }
        tokenizer = Tokenizer(
            lambda text: codec.encode(text, literal=False), lambda ids: codec.decode(ids, keep_special=True), "digest"
        )
        return connect(RemoteSettings(**{**settings, **more}), tokenizer, length_of_files)

    return make
