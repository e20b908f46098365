"""``Client`` and ``AsyncClient``: the same calls, blocking or awaited."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from pmpo.client.blocking import blocking, blocking_iterator, run
from pmpo.client.calls import Retries
from pmpo.client.datasets import DatasetCalls
from pmpo.client.exchange import Exchange
from pmpo.client.keys import KeyCalls
from pmpo.client.models import ModelCalls
from pmpo.client.prompts import PromptCalls
from pmpo.client.schedules import ScheduleCalls
from pmpo.client.scoring import ScoringCalls
from pmpo.client.transports import AsyncTransport, BlockingTransport, checked_url
from pmpo.client.upkeep import UpkeepCalls
from pmpo.client.watching import JobWatching
from pmpo.errors import ConfigurationError

DEFAULT_TIMEOUT_S = 30.0


class _Calls(JobWatching, DatasetCalls, KeyCalls, ModelCalls, PromptCalls, ScheduleCalls, ScoringCalls, UpkeepCalls):
    """All calls of an API."""


class AsyncClient(_Calls):
    """Jobs of a PMPO API, awaited.

    Args:
        url: the API's address; ``PMPO_URL`` when None.
        api_key: sent as a bearer token; ``PMPO_API_KEY`` when None.
        timeout_s: how long one answer may take, on top of a wait that was asked for.
        retries: how patient the client is.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retries: Retries | None = None,
    ) -> None:
        self.url, headers = _address(url, api_key)
        transport = AsyncTransport(self.url, headers)
        super().__init__(Exchange(transport, self.url, retries or Retries()), timeout_s)

    @classmethod
    def local(cls, folder: str | Path | None = None, *, model: str | None = None) -> Self:
        """A client that needs no services: see ``Client.local``; jobs run on the event loop that calls."""
        from pmpo.client.local.transport import ADDRESS, LocalTransport, local_jobs

        client = cls.__new__(cls)
        client.url = ADDRESS
        transport = LocalTransport(local_jobs(_path(folder), model))
        _Calls.__init__(client, Exchange(transport, ADDRESS, Retries(max_attempts=1)), DEFAULT_TIMEOUT_S)
        return client

    async def close(self) -> None:
        """Close every connection."""
        await self._exchange.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class Client:
    """Jobs of a PMPO API, in plain calls. Arguments as of ``AsyncClient``.

    Example::

        with Client("http://127.0.0.1:8000") as client:
            created = client.create_job(spec)
            client.wait(created.id)
            print(client.result(created.id).prompt_after)
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retries: Retries | None = None,
    ) -> None:
        self.url, headers = _address(url, api_key)
        self._exchange = Exchange(BlockingTransport(self.url, headers), self.url, retries or Retries())
        self.core = _Calls(self._exchange, timeout_s)

    @classmethod
    def local(cls, folder: str | Path | None = None, *, model: str | None = None) -> Self:
        """A client that needs no services: no API, no Redis, no worker.

        Jobs run in this process, one search each. Scores come from a scorer that is started at the first need and
        stopped with the client, or from the endpoints of ``PMPO_ENDPOINTS``. Jobs, scores and analyses are called as
        ever; data sets, prompts, schedules and keys need services. What models answer is written to the folder before
        it is used: after a crash, ``resume_job`` goes on there, and pays for nothing twice.

        Args:
            folder: where runs are kept, a folder each; ``~/.local/state/pmpo/runs`` when None.
            model: what the scorer serves: a model folder, a hub name or nano; ``PMPO_SCORER_MODEL`` when None.

        Raises:
            ConfigurationError: a setting is not usable. At the first need of a scorer also: pmpo-server, which holds
                it, is not installed; says what to install.

        Example::

            with Client.local("runs") as client:
                created = client.create_job(spec)
                print(client.wait(created.id).state, client.result(created.id).prompt_after)
        """
        from pmpo.client.local.transport import ADDRESS, BlockingLocalTransport, local_jobs

        client = cls.__new__(cls)
        client.url = ADDRESS
        transport = BlockingLocalTransport(local_jobs(_path(folder), model))
        client._exchange = Exchange(transport, ADDRESS, Retries(max_attempts=1))
        client.core = _Calls(client._exchange, DEFAULT_TIMEOUT_S)
        return client

    create_job = blocking(JobWatching.create_job)
    estimate_job = blocking(JobWatching.estimate_job)
    get_job = blocking(JobWatching.get_job)
    list_jobs = blocking_iterator(JobWatching.list_jobs)
    events = blocking(JobWatching.events)
    iterate_events = blocking_iterator(JobWatching.iterate_events)
    cancel_job = blocking(JobWatching.cancel_job)
    pause_job = blocking(JobWatching.pause_job)
    resume_job = blocking(JobWatching.resume_job)
    delete_job = blocking(JobWatching.delete_job)
    result = blocking(JobWatching.result)
    rationales = blocking(JobWatching.rationales)
    evaluation = blocking(JobWatching.evaluation)
    report = blocking(JobWatching.report)
    candidates = blocking(JobWatching.candidates)
    create_dataset = blocking(DatasetCalls.create_dataset)
    get_dataset = blocking(DatasetCalls.get_dataset)
    list_datasets = blocking(DatasetCalls.list_datasets)
    delete_dataset = blocking(DatasetCalls.delete_dataset)
    create_key = blocking(KeyCalls.create_key)
    list_keys = blocking(KeyCalls.list_keys)
    revoke_key = blocking(KeyCalls.revoke_key)
    export_project = blocking(UpkeepCalls.export_project)
    import_project = blocking(UpkeepCalls.import_project)
    clear_away = blocking(UpkeepCalls.clear_away)
    get_prompt = blocking(PromptCalls.get_prompt)
    list_prompts = blocking(PromptCalls.list_prompts)
    list_prompt_versions = blocking(PromptCalls.list_prompt_versions)
    get_prompt_labels = blocking(PromptCalls.get_prompt_labels)
    create_prompt_version = blocking(PromptCalls.create_prompt_version)
    promote_prompt = blocking(PromptCalls.promote_prompt)
    rollback_prompt = blocking(PromptCalls.rollback_prompt)
    score = blocking(ScoringCalls.score)
    analyze = blocking(ScoringCalls.analyze)
    wait = blocking(JobWatching.wait)
    models = blocking(ModelCalls.models)
    ready = blocking(JobWatching.ready)
    create_schedule = blocking(ScheduleCalls.create_schedule)
    list_schedules = blocking(ScheduleCalls.list_schedules)
    get_schedule = blocking(ScheduleCalls.get_schedule)
    pause_schedule = blocking(ScheduleCalls.pause_schedule)
    resume_schedule = blocking(ScheduleCalls.resume_schedule)
    delete_schedule = blocking(ScheduleCalls.delete_schedule)
    is_alive = blocking(JobWatching.is_alive)

    def close(self) -> None:
        """Close every connection."""
        run(self._exchange.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _path(folder: str | Path | None) -> Path | None:
    return None if folder is None else Path(folder)


def _address(url: str | None, api_key: str | None) -> tuple[str, dict[str, str]]:
    """The API's address, and the headers of every call; what is not given comes from the environment."""
    if url is None or api_key is None:
        from pmpo.runtime.settings import load_settings

        settings = load_settings()
        url = settings.url if url is None else url
        api_key = settings.api_key if api_key is None else api_key
    return checked_url(url), _authorization((api_key or "").strip())


def _authorization(api_key: str) -> dict[str, str]:
    """Raises ConfigurationError: the key has what no header can carry; the message does not show it."""
    if not api_key:
        return {}
    if not all("!" <= character <= "~" for character in api_key):
        raise ConfigurationError(
            "the API key (PMPO_API_KEY) has a blank, a line break or a character beyond ASCII in it, as no key has; "
            "set it to the key alone"
        )
    return {"authorization": f"Bearer {api_key}"}
