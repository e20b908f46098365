"""``pmpo keys``: who may call an API."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pmpo.cli import clock
from pmpo.cli.completion import key_ids
from pmpo.cli.console import list_console, on_one_line, print_json, shown, stderr_console, stdout_console
from pmpo.cli.groups import Group
from pmpo.cli.options import AsJson, Url
from pmpo.cli.tables import Column, print_list
from pmpo.client import Client
from pmpo.contracts.keys import KeyView, NewKey
from pmpo.contracts.problems import made

keys = Group("API keys: who may call an API.")
DAY_S = 86_400
MAX_NAME = 60
COLUMNS = (
    Column("id"),
    Column("name", rank=1, least=8),
    Column("scopes", rank=2),
    Column("made", rank=5),
    Column("last used", rank=4),
    Column("ends", rank=3),
)


class _Scope(StrEnum):
    read = "read"
    submit = "submit"
    admin = "admin"


Name = Annotated[str, typer.Option("--name", metavar="NAME", help="Whose it is or what it is for.")]
Scopes = Annotated[
    list[_Scope] | None,
    typer.Option(
        "--scope", metavar="SCOPE", help="What it may do: read, submit or admin; again for more. Default: read, submit."
    ),
]
Days = Annotated[
    float | None, typer.Option("--days", metavar="N", help="Days after which it ends; never when left out.")
]
KeyId = Annotated[
    str, typer.Argument(metavar="ID", help="Key id, as printed by `pmpo keys list`.", autocompletion=key_ids)
]


@keys.command(epilog="Example: pmpo keys create --name ci --scope read --scope submit --days 90")
def create(name: Name, scope: Scopes = None, days: Days = None, url: Url = None, as_json: AsJson = False) -> None:
    """Make a key of your project and print it, for the only time.

    It needs a key with the scope admin in PMPO_API_KEY, or an API that runs without keys. `read` looks, `submit`
    creates and changes, `admin` manages keys.
    """
    with Client(url) as client:
        created = client.create_key(_asked(name, scope, days))
    if as_json:
        print_json(created.model_dump(mode="json"))
        return
    stdout_console().print(created.key, soft_wrap=True)
    stderr_console().print(f"key {created.id} of project {created.project}: keep it now, it is not shown again")


@keys.command("list", epilog="Example: pmpo keys list")
def list_keys(url: Url = None, as_json: AsJson = False) -> None:
    """List your project's keys; the keys themselves are not kept anywhere, and a last use is noted to the hour."""
    with Client(url) as client:
        page = client.list_keys()
    if as_json:
        print_json(page.model_dump(mode="json"))
        return
    print_list(list_console(), COLUMNS, [_row(key) for key in page.keys])


@keys.command(epilog="Example: pmpo keys revoke 0123456789ab")
def revoke(key_id: KeyId, url: Url = None, as_json: AsJson = False) -> None:
    """Revoke a key: its next request is refused."""
    with Client(url) as client:
        client.revoke_key(key_id)
    if as_json:
        print_json({"id": key_id, "revoked": True})
    else:
        stdout_console().print(f"key {shown(key_id)} is revoked")


def _asked(name: str, scopes: list[_Scope] | None, days: float | None) -> NewKey:
    """Raises InvalidInputError: what cannot be a key."""
    asked: dict[str, object] = {"name": name, "expires_in_s": None if days is None else days * DAY_S}
    if scopes:
        asked["scopes"] = [scope.value for scope in scopes]
    return made(NewKey, **asked)


def _row(key: KeyView) -> tuple[str, ...]:
    used = "never" if key.last_used_at is None else clock.utc(key.last_used_at)
    ends = "never" if key.expires_at is None else clock.utc(key.expires_at)
    return key.id, on_one_line(key.name, MAX_NAME), ", ".join(key.scopes), clock.utc(key.created_at), used, ends
