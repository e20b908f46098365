"""``pmpo doctor``: is everything there that jobs need, and what to do about what is not."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from rich.text import Text

from pmpo import __version__
from pmpo.cli.console import print_json, print_words, shown, stdout_console
from pmpo.cli.exits import FAILED
from pmpo.cli.options import AsJson, Url
from pmpo.client import Client, Retries
from pmpo.client.local.installed import require_server
from pmpo.errors import PmpoError
from pmpo.runtime.settings import load_settings

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``detail`` says what is there, or what is wrong and what to do."""

    name: str
    is_ok: bool
    detail: str
    is_needed: bool = True


def doctor(url: Url = None, as_json: AsJson = False) -> None:
    """Check installation, settings, API, Redis, scorers and key; the exit code is 1 when something is not right."""
    findings = list(examine(url))
    has_failed = any(not finding.is_ok and finding.is_needed for finding in findings)
    if as_json:
        print_json({"ok": not has_failed, "checks": [asdict(finding) for finding in findings]})
    else:
        console = stdout_console()
        for finding in findings:
            mark, style = _mark(finding)
            if console.is_terminal:
                console.print(
                    Text.assemble((f"{mark:<7}", style), (f"{finding.name}: ", "bold"), shown(finding.detail))
                )
            else:
                print_words(console, f"{mark:<7}{finding.name}: {shown(finding.detail)}")
    if has_failed:
        raise SystemExit(FAILED)


def examine(url: str | None) -> Iterator[Finding]:
    """The findings, one after the other; what needs what failed is not looked at."""
    yield Finding("pmpo", is_ok=True, detail=f"version {__version__}, Python {platform.python_version()}")
    yield _found("services here", _services, is_needed=False)
    settings = _found("settings", _settings)
    yield settings
    if not settings.is_ok:
        return
    try:
        client = Client(url, timeout_s=TIMEOUT_S, retries=Retries(max_attempts=1))
    except PmpoError as error:
        yield Finding("API", is_ok=False, detail=error.message)
        return
    with client:
        yield from _api(client)


def _api(client: Client) -> Iterator[Finding]:
    alive = Finding("API", is_ok=client.is_alive(timeout_s=TIMEOUT_S), detail=f"answers at {client.url}")
    if not alive.is_ok:
        remedy = "start one with `pmpo up`, or name yours in PMPO_URL or --url"
        yield Finding("API", is_ok=False, detail=f"no PMPO API answers at {client.url}; {remedy}")
        return
    yield alive
    yield _found("ready", lambda: ", ".join(client.ready()) + " answer")
    key = _found("key", lambda: _key(client))
    yield key
    if key.is_ok:
        yield from _models(client)


def _services() -> str:
    require_server()
    return "they can be started here"


def _settings() -> str:
    num_given = len(load_settings().model_fields_set)
    return f"{num_given} set in the environment" if num_given else "none set; all have their defaults"


def _key(client: Client) -> str:
    next(client.list_jobs(page_size=1), None)
    return "accepted" if load_settings().api_key else "none needed"


def _models(client: Client) -> Iterator[Finding]:
    try:
        models = client.models().models
    except PmpoError as error:
        yield Finding("models", is_ok=False, detail=error.message)
        return
    for model in models:
        name = f"model {model.name}"
        if model.served is None:
            yield Finding(name, is_ok=False, detail=model.problem or "its scorer does not say what it serves")
        else:
            served = model.served
            detail = f"{served.model} ({served.revision}, {served.dtype}, {served.engine})"
            yield Finding(name, is_ok=True, detail=detail)


def _found(name: str, check: Callable[[], str], *, is_needed: bool = True) -> Finding:
    try:
        return Finding(name, is_ok=True, detail=check(), is_needed=is_needed)
    except PmpoError as error:
        return Finding(name, is_ok=False, detail=error.message, is_needed=is_needed)


def _mark(finding: Finding) -> tuple[str, str]:
    if finding.is_ok:
        return "ok", "green"
    return ("failed", "bold red") if finding.is_needed else ("absent", "yellow")
