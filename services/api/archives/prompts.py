"""The section of the prompt registry: each prompt with its versions, its labels and how they moved."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, get_args

from pydantic import ValidationError

from pmpo.contracts.prompts import MoveKind, PromptContent
from pmpo.contracts.registry import name_problem
from pmpo.errors import InvalidInputError
from pmpo.runs.archive import Member
from services.api.archives.sections import Outcome, reason_of
from services.store.prompt_snapshots import PromptSnapshot
from services.store.store import Store

_MOVE_PARTS = 5


class PromptsSection:
    """Prompts of a project. One whose name is there and that differs is left as it is, versions and all."""

    name = "prompts"

    def __init__(self, store: Store) -> None:
        self._snapshots = store.prompt_snapshots

    async def members(self, project: str) -> AsyncIterator[Member]:
        """See ``Section``."""
        for name in await self._snapshots.names(project):
            snapshot = await self._snapshots.take(project, name)
            if snapshot is not None:
                yield Member(_member_name(name), _encoded(snapshot))

    def check(self, member: Member) -> str | None:
        """See ``Section``."""
        snapshot = _decoded(member)
        try:
            _check(snapshot)
        except (ValidationError, ValueError) as error:
            return reason_of(error)
        return None

    async def restore(self, project: str, member: Member) -> Outcome:
        """See ``Section``."""
        snapshot = _decoded(member)
        if await self._snapshots.restore(project, snapshot):
            return "added"
        return "present" if await self._snapshots.take(project, snapshot.name) == snapshot else "differs"


def _member_name(name: str) -> str:
    """A prompt's name may hold dots alone, so that its digest stands in a file's name."""
    return f"prompts/{hashlib.sha256(name.encode()).hexdigest()[:32]}.jsonl"


def _encoded(snapshot: PromptSnapshot) -> bytes:
    """A line of what holds for all of it, then a line for each version, then one for each move of a label."""
    head = {"prompt": snapshot.name, "labels": snapshot.labels, "stacks": snapshot.stacks, "origins": snapshot.origins}
    lines: list[Mapping[str, Any]] = [head]
    lines += [{"version": version} for version in snapshot.versions]
    lines += [{"move": move} for move in snapshot.moves]
    encoded = (json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":")) for line in lines)
    return "".join(f"{line}\n" for line in encoded).encode()


def _decoded(member: Member) -> PromptSnapshot:
    """The prompt of a member. Raises InvalidInputError: it holds none, or another than its name says."""
    try:
        head, *rest = [json.loads(line) for line in member.content.removesuffix(b"\n").split(b"\n")]
        found = PromptSnapshot(
            str(head["prompt"]),
            [str(line["version"]) for line in rest if "version" in line],
            [str(line["move"]) for line in rest if "version" not in line],
            *(
                {str(name): str(value) for name, value in head[part].items()}
                for part in ("labels", "stacks", "origins")
            ),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InvalidInputError(f"{member.name} is no prompt: it has a line that no prompt has") from None
    if member.name != _member_name(found.name):
        raise InvalidInputError(f"{member.name} holds another prompt than its name says")
    return found


def _check(snapshot: PromptSnapshot) -> None:
    """Raise ValueError unless every part can be read as the services will read it."""
    num_versions = len(snapshot.versions)
    problem = name_problem(snapshot.name)
    if problem:
        raise ValueError(problem)
    if not num_versions:
        raise ValueError("it has no version")
    for number, version in enumerate(snapshot.versions, start=1):
        parent, _, content = version.partition("\n")
        if not 0 <= int(parent) < number:
            raise ValueError(f"version {number} was made from version {parent[:20]}")
        PromptContent.model_validate_json(content)
    numbers = [*snapshot.labels.values(), *snapshot.origins.values()]
    numbers += [number for stack in snapshot.stacks.values() for number in stack.removesuffix(",").split(",")]
    for move in snapshot.moves:
        kind, _label, origin, target, moved_at = _move_parts(move)
        numbers += [target, *([origin] if origin else [])]
        if kind not in get_args(MoveKind) or not 0 < float(moved_at) < float("inf"):
            raise ValueError("a move of a label is none")
    if not all(1 <= int(number) <= num_versions for number in numbers):
        raise ValueError(f"it names a version that it does not have (versions are 1 to {num_versions})")


def _move_parts(move: str) -> list[str]:
    parts = move.split("\n")
    if len(parts) != _MOVE_PARTS:
        raise ValueError("a move of a label is none")
    return parts
