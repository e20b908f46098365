"""The prompt registry: versions that never change, labels that move, and where labels stood before."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from redis.asyncio import Redis

from pmpo.contracts.prompts import LabelMove, MoveKind
from pmpo.errors import ConflictError, NotFoundError
from services.store import keys, prompt_scripts
from services.store.calls import ScriptCall
from services.store.connection import Commands
from services.store.idempotency import KeyedRequest

PARTS = ("versions", "labels", "stacks", "moves", "origins")
Added = Literal["new", "same", "known", "replayed"]
Expected = int | None | Literal["any"]
"""Where a label must stand before it moves: at a version, nowhere, or anywhere."""


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A version that is to be added. ``entry`` is bytes to the store.

    Attributes:
        name: of the prompt.
        text_digest: of its text: the newest version's text makes no further version.
        seed_digest: of the text that it was made from; empty when it was not.
        labels: labels that it gets.
        kind: how they are told to have moved.
        measured: what it was measured on (``PromptLineage.measured_on``) and its test loss. A label stays at a version
            that was measured on the same and has a lower one. None: labels move.
    """

    name: str
    entry: bytes
    text_digest: str
    seed_digest: str = ""
    labels: Sequence[str] = ()
    kind: MoveKind = "promote"
    measured: tuple[str, float] | None = None


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version as it is kept, with the labels that stand at it now."""

    name: str
    number: int
    parent: int | None
    labels: Sequence[str]
    entry: bytes


@dataclass(frozen=True, slots=True)
class StoredPrompt:
    """A prompt: how many versions it has, where its labels stand, its newest version's entry."""

    name: str
    num_versions: int
    labels: Mapping[str, int]
    newest: StoredVersion


class Prompts:
    """The prompts of all projects; what belongs to another project does not exist."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._commands = Commands()
        self._add = redis.register_script(prompt_scripts.ADD)
        self._promote = redis.register_script(prompt_scripts.PROMOTE)
        self._rollback = redis.register_script(prompt_scripts.ROLLBACK)

    async def add(self, project: str, new: NewEntry, request: KeyedRequest | None = None) -> tuple[int, Added]:
        """Add a version, and remember the answer of a keyed request, in one step; its number, and what became of it.

        Returns:
            ``new``, ``same`` (the newest version has that text) or ``replayed`` (the request came before).

        Raises:
            IdempotencyKeyReusedError: the key was used for another body; nothing was added.
        """
        call = self._adding(project, new, request=request)
        said, answer = await self._commands.run(call.script(keys=call.keys, args=call.args))
        if said == b"replayed" and request is not None:
            return int(request.answer_in(answer)), "replayed"
        return int(answer), cast(Added, said.decode())

    def registering(self, project: str, new: NewEntry, job_id: str) -> ScriptCall:
        """The same for the winner of a job, to be run with its last move: nothing happens unless the job has succeeded,
        and a job makes one version however often this is run. The job is told which.
        """
        return self._adding(project, new, job_id=job_id)

    async def get(self, project: str, name: str, *, version: int | None = None, label: str = "") -> StoredVersion:
        """One version: that number, the one where ``label`` stands, or the newest.

        Raises:
            NotFoundError: there is no such prompt, version or label; says what there is.
        """
        labels, num_versions = await self._standing(project, name)
        if label and label not in labels:
            there = ", ".join(f"{each} (version {number})" for each, number in sorted(labels.items())) or "none"
            raise NotFoundError(f"prompt {name!r} has no label {label!r}; its labels are: {there}")
        number = labels[label] if label else version or num_versions
        if number > num_versions:
            raise NotFoundError(f"prompt {name!r} has no version {number}; its versions are 1 to {num_versions}")
        reading = cast(Awaitable[bytes], self._redis.lindex(keys.prompt(project, name, "versions"), number - 1))
        return _version(name, number, await self._commands.run(reading), labels)

    async def versions(self, project: str, name: str, before: int | None, limit: int) -> list[StoredVersion]:
        """At most ``limit`` versions, newest first; with ``before`` only those with a number below it."""
        labels, num_versions = await self._standing(project, name)
        last = num_versions if before is None else min(num_versions, before - 1)
        first = max(1, last - limit + 1)
        reading = self._redis.lrange(keys.prompt(project, name, "versions"), first - 1, last - 1) if last else None
        found = await self._commands.run(cast(Awaitable[list[bytes]], reading)) if reading is not None else []
        return [_version(name, first + at, entry, labels) for at, entry in enumerate(found)][::-1]

    async def page(self, project: str, after: str, limit: int) -> list[StoredPrompt]:
        """At most ``limit`` prompts by name; those above ``after``."""
        lowest = f"({after}" if after else "-"
        reading = self._redis.zrangebylex(keys.prompts(project), lowest, "+", start=0, num=limit)
        names = [each.decode() for each in await self._commands.run(cast(Awaitable[list[bytes]], reading))]
        pipe = self._redis.pipeline(transaction=True)
        for name in names:
            pipe.hgetall(keys.prompt(project, name, "labels"))
            pipe.llen(keys.prompt(project, name, "versions"))
            pipe.lindex(keys.prompt(project, name, "versions"), -1)
        found = await self._commands.run(pipe.execute())
        return [_prompt(name, *found[3 * at : 3 * at + 3]) for at, name in enumerate(names)]

    async def labels(self, project: str, name: str) -> dict[str, int]:
        """Where labels stand. Raises NotFoundError: there is no such prompt."""
        return (await self._standing(project, name))[0]

    async def moves(self, project: str, name: str, before: int | None, limit: int) -> list[LabelMove]:
        """At most ``limit`` moves of labels, newest first; with ``before`` only those with a number below it."""
        key = keys.prompt(project, name, "moves")
        num_moves = int(await self._commands.run(self._redis.llen(key)))
        last = num_moves if before is None else min(num_moves, before - 1)
        if last < 1:
            return []
        first = max(1, last - limit + 1)
        found = await self._commands.run(cast(Awaitable[list[bytes]], self._redis.lrange(key, first - 1, last - 1)))
        return [_move(first + at, entry) for at, entry in enumerate(found)][::-1]

    async def promote(self, project: str, name: str, label: str, version: int, *, expected: Expected = "any") -> None:
        """Move a label; with ``expected`` only from there (None: from nowhere). Where it stands there, nothing happens.

        Raises:
            NotFoundError: there is no such prompt, or no such version.
            ConflictError: the label stands elsewhere than expected.
        """
        given: list[str | int | float] = [label, version, "" if expected is None else expected, time.time()]
        said, detail = await self._commands.run(self._promote(keys=self._keys(project, name), args=given))
        _check_move(said.decode(), int(detail), name, label, version)

    async def rollback(self, project: str, name: str, label: str, *, expected: Expected = "any") -> int:
        """Move a label to where it stood before it came where it stands; that version.

        Raises:
            NotFoundError: there is no such prompt.
            ConflictError: the label stands elsewhere than expected, nowhere, or stood nowhere before.
        """
        given: list[str | int | float] = [label, "" if expected is None else expected, time.time()]
        said, detail = await self._commands.run(self._rollback(keys=self._keys(project, name), args=given))
        _check_move(said.decode(), int(detail), name, label, 0)
        return int(detail)

    def _adding(
        self, project: str, new: NewEntry, *, request: KeyedRequest | None = None, job_id: str = ""
    ) -> ScriptCall:
        own = [keys.prompts(project), *self._keys(project, new.name)]
        others = [keys.job(job_id), request.redis_key if request else keys.job(job_id)]
        record = request.record(b"") if request else b""
        digests = [new.text_digest, new.seed_digest]
        args: list[str | bytes | int | float] = [
            new.name,
            new.entry,
            *digests,
            job_id,
            record,
            keys.IDEMPOTENCY_TTL_S,
            time.time(),
            new.kind,
            *(new.measured or ("", "")),
            *new.labels,
        ]
        return ScriptCall(self._add, [*own, *others], args)

    async def _standing(self, project: str, name: str) -> tuple[dict[str, int], int]:
        """Where labels stand, and how many versions there are. Raises NotFoundError."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.hgetall(keys.prompt(project, name, "labels"))
        pipe.llen(keys.prompt(project, name, "versions"))
        labels, num_versions = await self._commands.run(pipe.execute())
        if not num_versions:
            raise no_such_prompt(name)
        return _labels(labels), num_versions

    def _keys(self, project: str, name: str) -> list[str]:
        return [keys.prompt(project, name, part) for part in PARTS]


def no_such_prompt(name: str) -> NotFoundError:
    """What is said of a name that no prompt of the project has."""
    return NotFoundError(
        f"there is no prompt {name!r} in the registry; list them with GET /v1/prompts or `pmpo prompts list`"
    )


def _labels(found: Mapping[bytes, bytes]) -> dict[str, int]:
    return {label.decode(): int(number) for label, number in found.items()}


def _version(name: str, number: int, stored: bytes, labels: Mapping[str, int]) -> StoredVersion:
    parent, _, entry = stored.partition(b"\n")
    here = sorted(label for label, where in labels.items() if where == number)
    return StoredVersion(name, number, int(parent) or None, here, entry)


def _prompt(name: str, labels: Any, num_versions: int, newest: bytes) -> StoredPrompt:
    found = _labels(labels)
    return StoredPrompt(name, num_versions, found, _version(name, num_versions, newest, found))


def _move(number: int, entry: bytes) -> LabelMove:
    kind, label, origin, target, moved_at = entry.decode().split("\n")
    return LabelMove(
        number=number,
        label=label,
        kind=cast(MoveKind, kind),
        from_version=int(origin) if origin else None,
        to_version=int(target),
        moved_at=float(moved_at),
    )


def _check_move(said: str, detail: int, name: str, label: str, version: int) -> None:
    if said == "missing":
        raise no_such_prompt(name)
    if said == "no_version":
        raise NotFoundError(f"prompt {name!r} has no version {version}; its versions are 1 to {detail}")
    if said == "elsewhere":
        where = f"at version {detail}" if detail else "nowhere yet"
        raise ConflictError(f"{label!r} of prompt {name!r} stands {where}, not where it was expected; look again")
    if said == "nowhere":
        raise ConflictError(f"prompt {name!r} has no label {label!r} to roll back; promote a version first")
    if said == "first":
        raise ConflictError(
            f"{label!r} of prompt {name!r} stood nowhere before version {detail}; promote another version instead"
        )
