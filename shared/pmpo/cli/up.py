"""``pmpo up``: the embedded stack in the foreground."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from pmpo.cli.console import print_json, stderr_console, stdout_console
from pmpo.cli.embedded import StackAddresses, StackOptions, running_stack
from pmpo.cli.options import AsJson
from pmpo.errors import UnavailableError

ApiPort = Annotated[
    int | None,
    typer.Option("--api-port", metavar="PORT", min=0, max=65535, help="Of the API; 0 takes a free one."),
]
ScorerPort = Annotated[
    int | None,
    typer.Option("--scorer-port", metavar="PORT", min=0, max=65535, help="Of the scorer; 0 takes a free one."),
]
Model = Annotated[
    str | None, typer.Option("--model", help="Model folder, hub name, or nano for the bundled model.", metavar="MODEL")
]
StateDir = Annotated[Path | None, typer.Option("--state-dir", help="Folder for Redis' files and logs.", metavar="DIR")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Workers to start.", metavar="N")]


def up(
    *,
    api_port: ApiPort = None,
    scorer_port: ScorerPort = None,
    model: Model = None,
    state_dir: StateDir = None,
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Start Redis, scorer, API and worker, and keep them until Ctrl-C."""
    options = StackOptions(api_port, scorer_port, model, state_dir, workers)
    with running_stack(options, shows_log=True) as stack:
        try:
            _announce(stack.addresses, as_json=as_json)
            status = stack.wait()
        except KeyboardInterrupt:
            stderr_console().print("Stopping")
            return
    if status == 0:  # the stack was asked to stop by somebody else
        return
    raise UnavailableError(f"the services ended by themselves with status {status}; the lines above say why")


def _announce(addresses: StackAddresses, *, as_json: bool) -> None:
    if as_json:
        named = dataclasses.asdict(addresses)
        del named["dashboard"]  # nothing answers there in this version
        print_json({name: None if value is None else str(value) for name, value in named.items()})
        return
    console = stdout_console()
    console.print(f"API:      {addresses.api}   (its pages: {addresses.api}/docs)", soft_wrap=True)
    console.print(f"scorer:   {addresses.scorer}", soft_wrap=True)
    console.print(f"examples: {addresses.examples}", soft_wrap=True)
    console.print(f"logs:     {addresses.logs}", soft_wrap=True)
    console.print("Ready. In another terminal: pmpo submit FILE; here: Ctrl-C stops everything.")
