"""The start of the remote engine: which server answers, how, as which model, and whether ids mean the same."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from pmpo.errors import ConfigurationError, PmpoError, UpstreamError
from services.scorer.engines.base import EngineIdentity
from services.scorer.engines.remote.dialects.base import Dialect
from services.scorer.engines.remote.dialects.completions import FORMS, CompletionsEcho
from services.scorer.engines.remote.dialects.sglang import SglangGenerate
from services.scorer.engines.remote.dialects.vllm_chat import VllmChat
from services.scorer.engines.remote.dialects.vllm_generate import VllmPromptLogprobs, VllmSuffix
from services.scorer.engines.remote.engine import RemoteEngine
from services.scorer.engines.remote.fleet import Fleet, Server
from services.scorer.engines.remote.probe import Prober, Proof
from services.scorer.engines.remote.session import Patience
from services.scorer.engines.remote.transport import Access, ServerDownError, TryAgainError

logger = logging.getLogger(__name__)
URLS_VARIABLE = "PMPO_SCORER_REMOTE_URLS"
MODEL_VARIABLE = "PMPO_SCORER_REMOTE_MODEL"
LENGTH_VARIABLE = "PMPO_SCORER_REMOTE_CONTEXT_LENGTH"
RETRY_S = 1.0
INSTEAD = (
    "use vLLM (best with --enable-scale-out) or SGLang, "
    "or let this scorer load the model: PMPO_SCORER_ENGINE=torch_tree"
)
TOKENIZER_TEXTS = ("Hello, world!\n\n  1234 äöü 漢字 \t<b>", "def f(x):\n    return x  # done", "naïve café — “quoted”")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """What the operator said. ``model`` and ``context_length`` are None where the servers are to tell."""

    urls: tuple[str, ...]
    model: str | None
    key: str | None
    context_length: int | None
    max_calls: int
    timeout_s: float
    patience: Patience


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """What the start needs of the tokenizer: ids of a text without special tokens, the text of ids, and a digest."""

    encode: Callable[[str], Sequence[int]]
    decode: Callable[[Sequence[int]], str]
    digest: str


@dataclass(frozen=True, slots=True)
class Connected:
    """An engine that may be used, and the protocol that it speaks."""

    engine: RemoteEngine
    dialect: Dialect


def connect(settings: RemoteSettings, tokenizer: Tokenizer, length_of_files: int | None) -> Connected:
    """Find a server that answers, prove that it can score, and hold the others to what it said.

    Raises:
        ConfigurationError: no server answers, one cannot score or serves another model, or the tokenizers disagree.
    """
    return asyncio.run(_Start(settings, tokenizer).connect(length_of_files))


class _Start:
    def __init__(self, settings: RemoteSettings, tokenizer: Tokenizer) -> None:
        self._settings = settings
        self._tokenizer = tokenizer
        self._access = Access(settings.key, settings.timeout_s)
        self._prober = Prober(self._access, tokenizer.encode)
        self._fleet = Fleet([Server(url) for url in settings.urls], settings.max_calls)

    async def connect(self, length_of_files: int | None) -> Connected:
        async with self._access.open() as http:
            url = await self._first_up(http)
            model, told = await self._model(http, url)
            await self._check_tokenizer(http, url, model)
            proof = await self._proof(http, url, model)
            await self._check_others(http, url, proof)
        identity = self._identity(model, told, proof.dialect, length_of_files)
        logger.info("the model servers speak %s: %s", proof.dialect.name, identity)
        patience = self._settings.patience
        engine = RemoteEngine(
            self._fleet, self._access, self._prober, proof=proof, identity=identity, patience=patience
        )
        return Connected(engine, proof.dialect)

    async def _first_up(self, http: httpx.AsyncClient) -> str:
        """The first server that answers anything; those that do not are left out for now."""
        deadline = time.monotonic() + self._settings.patience.outage_s
        while True:
            for server in self._fleet.servers:
                try:
                    await self._access.ask(http, server.url, "/v1/models")
                except ServerDownError as down:
                    if not str(down).startswith("status 404"):
                        self._fleet.eject(server, str(down), time.monotonic())
                        continue
                except (TryAgainError, PmpoError):
                    pass  # it is there; what it says to the key and the model is looked at next
                self._fleet.readmit(server)
                return server.url
            if time.monotonic() >= deadline:
                raise ConfigurationError(
                    f"{URLS_VARIABLE}: no server answers ({self._fleet.reasons()}): start one, or correct the addresses"
                )
            await asyncio.sleep(min(RETRY_S, self._settings.patience.outage_s))
            for server in self._fleet.servers:
                self._fleet.readmit(server)

    async def _model(self, http: httpx.AsyncClient, url: str) -> tuple[str, dict[str, Any]]:
        """The model's name there and its entry of ``/v1/models``, empty when the server has no such list."""
        wanted = self._settings.model
        try:
            answer = await self._told(url, self._access.ask(http, url, "/v1/models"))
            listed = {str(entry["id"]): entry for entry in answer["data"]}
        except ServerDownError:
            listed = {}
        except (TypeError, KeyError):
            raise ConfigurationError(f"{URLS_VARIABLE}: {url} lists no models; is it a model server?") from None
        if wanted is None and len(listed) == 1:
            wanted = next(iter(listed))
        if wanted is None or (listed and wanted not in listed):
            known = f"it serves {', '.join(listed)}" if listed else "it does not list what it serves"
            said = "is not set" if wanted is None else f"is {wanted!r}"
            raise ConfigurationError(f"{MODEL_VARIABLE} {said}, and {url} cannot be asked for that: {known}")
        return wanted, dict(listed.get(wanted, {}))

    async def _check_tokenizer(self, http: httpx.AsyncClient, url: str, model: str) -> None:
        """Compare ids of a few texts where the server has ``/tokenize``."""
        for text in TOKENIZER_TEXTS:
            body = {"model": model, "prompt": text, "add_special_tokens": False}
            try:
                answer = await self._access.ask(http, url, "/tokenize", body)
            except (ServerDownError, TryAgainError, PmpoError):
                return  # not every server has it; the probe compares ids too
            found = answer.get("tokens") if isinstance(answer, dict) else None
            if not isinstance(found, list) or not all(isinstance(token, int) for token in found):
                return  # another server's route of the same name
            if found != list(self._tokenizer.encode(text)):
                raise ConfigurationError(
                    f"the tokenizer of PMPO_SCORER_MODEL and that of {url} disagree about {text!r}: "
                    f"set PMPO_SCORER_MODEL to the files of the model that is served there ({model})"
                )

    async def _proof(self, http: httpx.AsyncClient, url: str, model: str) -> Proof:
        try:
            return await self._told(url, self._prober.prove(http, url, self._dialects(model)))
        except ServerDownError as down:
            raise ConfigurationError(
                f"{URLS_VARIABLE}: {url} stopped answering while it was tried out: {down}"
            ) from None

    def _dialects(self, model: str) -> list[Dialect]:
        echoes = [CompletionsEcho(model, form) for form in FORMS]
        chat = VllmChat(model, self._tokenizer.decode)
        return [VllmSuffix(model), VllmPromptLogprobs(model), SglangGenerate(), *echoes, chat]

    async def _check_others(self, http: httpx.AsyncClient, first: str, proof: Proof) -> None:
        """Servers that do not answer are left out for now; one that answers otherwise stops the start."""
        for server in self._fleet.servers:
            if server.url == first:
                continue
            try:
                await self._access.ask(http, server.url, "/v1/models")
            except ServerDownError as down:
                if not str(down).startswith("status 404"):
                    self._fleet.eject(server, str(down), time.monotonic())
                    logger.warning("the model server at %s is left out for now: %s", server.url, down)
                    continue
            except (TryAgainError, PmpoError):
                pass
            reason = await self._prober.why_not(http, server.url, proof)
            if reason is not None:
                raise ConfigurationError(f"{URLS_VARIABLE}: {server.url} cannot stand beside {first}: {reason}")

    def _identity(
        self, model: str, told: dict[str, Any], dialect: Dialect, length_of_files: int | None
    ) -> EngineIdentity:
        """Limits by what the operator said, else the server, else the model's files; one place is left to generate."""
        served = told.get("max_model_len")
        length = served - 1 if isinstance(served, int) and served > 1 else None
        wanted = self._settings.context_length
        if wanted is not None and length is not None and wanted > length:
            raise ConfigurationError(
                f"{LENGTH_VARIABLE}={wanted} is more than the server takes ({length} beside the one it generates)"
            )
        length = wanted or length or (length_of_files - 1 if length_of_files else None)
        if length is None:
            raise ConfigurationError(f"the server does not say how long its context is: set {LENGTH_VARIABLE}")
        origin = f"{told.get('root')}\0{told.get('parent')}\0{self._tokenizer.digest}\0{dialect.name}"
        return EngineIdentity(
            model=model,
            revision=hashlib.sha256(origin.encode()).hexdigest()[:12],
            dtype="served",
            engine="remote",
            mode=dialect.name,
            num_parameters=0,
            context_length=length,
        )

    async def _told(self, url: str, work: Awaitable[_Value]) -> _Value:
        """What the server says, its refusal as a sentence about the settings."""
        try:
            return await work
        except UpstreamError as error:
            remedy = "" if "refused the key" in error.message else f": {INSTEAD}"
            raise ConfigurationError(f"{URLS_VARIABLE}: {url} cannot be used, {error.message}{remedy}") from None
        except TryAgainError as failed:
            raise ConfigurationError(f"{URLS_VARIABLE}: {failed.error.message}; try again later") from None
