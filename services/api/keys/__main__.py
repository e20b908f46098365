"""``python -m services.api.keys --name NAME``: a key straight into Redis, for whoever runs the server.

This is how a project gets its first key; further ones are made through the API, with ``pmpo keys create``.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys

from pmpo.contracts.keys import DEFAULT_PROJECT, PROJECT_PATTERN, SCOPES, NewKey
from pmpo.contracts.problems import made
from pmpo.errors import InvalidInputError, PmpoError
from pmpo.runtime.settings import Settings, load_settings
from services.store.store import Store


def main(arguments: list[str]) -> int:
    """0 with the key as the only line of stdout, 1 with one sentence on stderr."""
    given = _parser().parse_args(arguments)
    try:
        asked, project = _asked(given)
        print(asyncio.run(_create(load_settings(), project, asked)))
    except PmpoError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


def _asked(given: argparse.Namespace) -> tuple[NewKey, str]:
    """Raises InvalidInputError: a name or a project that cannot be one."""
    if not re.fullmatch(PROJECT_PATTERN, given.project):
        raise InvalidInputError(
            f"--project {given.project!r} cannot be a project: write up to 63 small letters, digits, - and _, "
            "with a letter or a digit first"
        )
    return made(NewKey, name=given.name, scopes=given.scope or list(SCOPES)), given.project


async def _create(settings: Settings, project: str, asked: NewKey) -> str:
    store = Store.open(settings.redis_url, settings.lease_s)
    try:
        return (await store.api_keys.create(project, asked.name, asked.scopes))[1]
    finally:
        await store.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.api.keys", description="Make an API key in Redis.")
    parser.add_argument("--name", required=True, help="whose it is or what it is for")
    parser.add_argument("--project", default=DEFAULT_PROJECT, help="the project whose things it sees")
    parser.add_argument("--scope", action="append", choices=SCOPES, help="what it may do; all three when left out")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
