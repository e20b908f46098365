"""What the shell offers for a word that is being typed: ids and names, asked of the API, quickly and silently.

A callback never prints, raises or takes longer than ``LIMIT_S``: without an API, or with a key that it refuses, it
offers nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from threading import Thread

import typer

from pmpo.cli.words import counted
from pmpo.client import Client
from pmpo.client.calls import Retries
from pmpo.contracts.jobs import JobState
from pmpo.contracts.registry import LATEST

LIMIT_S = 1.0
MAX_DATASETS = 100
MAX_JOBS = 100
MAX_PROMPTS = 500
MAX_VERSIONS = 100
Offer = tuple[str, str]  # a value, and what it is
Complete = Callable[[str], list[str]]

# Shells evaluate what they are offered (zsh with `eval`), and people choose names: the rest is left out.
_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NOT_PLAIN = re.compile(r"[^\w ,.-]+")
_MAX_ABOUT = 40

# The states of the jobs on which a command has something to do; other commands take any job.
_STATES: Mapping[str, Sequence[JobState]] = {
    "cancel": ("queued", "running", "paused"),
    "delete": ("succeeded", "failed", "cancelled"),
    "pause": ("queued", "running"),
    "result": ("succeeded",),
    "resume": ("paused",),
}


def job_ids(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """The newest jobs that the command can do something with."""

    def ask(client: Client) -> Iterable[Offer]:
        jobs = client.list_jobs(state=_STATES.get(ctx.info_name or "", ()), page_size=MAX_JOBS)
        return [(job.id, f"{job.name}, {job.state}") for job in islice(jobs, MAX_JOBS)]

    return _offered(ctx, incomplete, ask)


def dataset_ids(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """The newest data sets."""

    def ask(client: Client) -> Iterable[Offer]:
        found = client.list_datasets(limit=MAX_DATASETS).datasets
        return [(each.id, f"{each.name}, {counted(each.num_rows, 'row')}") for each in found]

    return _offered(ctx, incomplete, ask)


def schedule_ids(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """All schedules."""
    return _offered(
        ctx, incomplete, lambda client: [(each.id, each.name) for each in client.list_schedules().schedules]
    )


def key_ids(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """All keys of the project, for a key that may see them."""
    return _offered(ctx, incomplete, lambda client: [(key.id, key.name) for key in client.list_keys().keys])


def prompt_names(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """The prompts of the registry."""

    def ask(client: Client) -> Iterable[Offer]:
        return [(each.name, f"{each.num_versions} versions") for each in client.list_prompts(limit=MAX_PROMPTS).prompts]

    return _offered(ctx, incomplete, ask)


def prompt_labels(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """The labels of the prompt that is named before."""
    return _offered(ctx, incomplete, lambda client: _labels(client, ctx))


def prompt_numbers(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """The newest versions of the prompt that is named before."""
    return _offered(ctx, incomplete, lambda client: _numbers(client, ctx))


def prompt_versions(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Labels and versions of the prompt that is named before."""

    def ask(client: Client) -> Iterable[Offer]:
        return [*_labels(client, ctx), (LATEST, "the newest version"), *_numbers(client, ctx)]

    return _offered(ctx, incomplete, ask)


def among(values: Iterable[str]) -> Complete:
    """A callback that offers fixed values, and asks nobody."""

    def complete(incomplete: str) -> list[str]:
        return [value for value in values if value.startswith(incomplete)]

    return complete


def _labels(client: Client, ctx: typer.Context) -> list[Offer]:
    labels = client.get_prompt_labels(_prompt_name(ctx), limit=1).labels
    return [(label, f"version {number}") for label, number in labels.items()]


def _numbers(client: Client, ctx: typer.Context) -> list[Offer]:
    versions = client.list_prompt_versions(_prompt_name(ctx), limit=MAX_VERSIONS).versions
    return [(str(each.version), each.note or f"from a {each.source}") for each in versions]


def _prompt_name(ctx: typer.Context) -> str:
    """The command line's NAME. The parser stops at an option whose value is being typed, and leaves arguments over."""
    return str(ctx.params.get("name") or ctx.args[0])


def _offered(ctx: typer.Context, incomplete: str, ask: Callable[[Client], Iterable[Offer]]) -> list[Offer]:
    """What fits of the answer of the command line's API. The thread bounds what timeouts of a connection do not."""
    found: list[Offer] = []

    def collect() -> None:
        with (
            suppress(Exception),
            Client(ctx.params.get("url"), timeout_s=LIMIT_S, retries=Retries(max_attempts=1)) as client,
        ):
            found.extend(ask(client))

    asking = Thread(target=collect, daemon=True)
    asking.start()
    asking.join(LIMIT_S)
    return [(value, _plain(about)) for value, about in tuple(found) if value.startswith(incomplete) and _is_safe(value)]


def _is_safe(value: str) -> bool:
    return _VALUE.fullmatch(value) is not None


def _plain(about: str) -> str:
    """The start of ``about`` in letters, digits and marks that mean nothing to a shell."""
    return " ".join(_NOT_PLAIN.sub(" ", about).split())[:_MAX_ABOUT].strip()
