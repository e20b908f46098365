"""``pmpo estimate``: what a job will probably use, before it runs."""

from __future__ import annotations

from rich.console import Console

from pmpo.cli import words
from pmpo.cli.console import print_json, progress_console, shown, stderr_console, stdout_console
from pmpo.cli.jobs import read_job
from pmpo.cli.optimize import chosen_api
from pmpo.cli.options import AsJson, JobFile, Seed, Url
from pmpo.cli.tables import plain_table
from pmpo.client import Client
from pmpo.contracts.estimates import EstimateView
from pmpo.contracts.modes import KINDS_WITH_A_WINNER


def estimate(file: JobFile, url: Url = None, seed: Seed = None, as_json: AsJson = False) -> None:
    """Estimate tokens and money of a job that runs through all its rounds; nothing is queued.

    The API is chosen as by `pmpo optimize`: without one, services are started to count tokens.
    """
    spec = read_job(file, seed)
    with chosen_api(url, progress_console(as_json=as_json)) as api, Client(api.url) as client:
        found = client.estimate_job(spec)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    for warning in found.warnings:
        stderr_console().print(f"warning: {shown(warning)}")
    print_estimate(stdout_console(), found, spec.kind)


def print_estimate(console: Console, found: EstimateView, kind: str) -> None:
    """The three amounts of each kind, and the smallest budget that the job takes."""
    table = plain_table()
    for name in ("", "low", "expected", "high", "smallest budget"):
        table.add_column(name, justify="right" if name else "left")
    smallest = found.smallest_budget
    for name, tokens, least in (
        ("scored tokens", found.scored_tokens, smallest.scored_tokens),
        ("generated tokens", found.generated_tokens, smallest.generated_tokens),
    ):
        table.add_row(name, *(f"{amount:,}" for amount in (tokens.low, tokens.expected, tokens.high, least)))
    if found.money is not None and smallest.money is not None:
        amounts = (found.money.low, found.money.expected, found.money.high, smallest.money)
        table.add_row("money", *(f"{amount:,.4f}" for amount in amounts))
    console.print(f"rows: {words.splits(found.splits)}")
    console.print(table)
    console.print(_how_far(found, kind))
    console.print(f"smallest budget: the caps below which a job is refused. They leave room for {_room(kind)}.")


def _how_far(found: EstimateView, kind: str) -> str:
    if kind not in KINDS_WITH_A_WINNER:
        return "for every prompt on every row"
    return f"for all {words.counted(found.iterations, 'round')}; a search that stops early uses less"


def _room(kind: str) -> str:
    if kind not in KINDS_WITH_A_WINNER:
        return "the longest answers that the job may ask for"
    return (
        "the longest prompts and answers that one round and the test may have, so they may be above what the whole "
        "job is expected to use"
    )
