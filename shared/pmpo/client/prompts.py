"""The routes of the prompt registry, written once: ``Client`` and ``AsyncClient`` are two faces of these coroutines."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Literal
from urllib.parse import quote

from pmpo.client.answers import read
from pmpo.client.calls import Answer, Call
from pmpo.client.exchange import Exchange
from pmpo.contracts.problems import made
from pmpo.contracts.prompts import (
    PRODUCTION,
    LabelsView,
    NewVersion,
    Promotion,
    PromptsPage,
    PromptVersionsPage,
    PromptVersionView,
    Rollback,
)
from pmpo.contracts.registry import name_problem
from pmpo.contracts.sections import Strict
from pmpo.errors import InvalidInputError

Expected = int | None | Literal["any"]
"""Where a label must stand before it moves: at a version, nowhere (None), or anywhere."""


class PromptCalls:
    """The prompt registry of one API."""

    _exchange: Exchange
    _timeout_s: float

    async def get_prompt(
        self,
        name: str,
        *,
        label: str | None = None,
        version: int | None = None,
        known: PromptVersionView | None = None,
    ) -> PromptVersionView:
        """One version of a prompt: where ``label`` stands, that ``version``, or the newest.

        Args:
            name: the prompt.
            label: ``production``, for example.
            version: its number.
            known: what an earlier call answered; it is answered again, and nothing is sent, when nothing changed.

        Raises:
            NotFoundError: there is no such prompt, version or label.

        Example::

            found = client.get_prompt("review-city", label="production")
            found = client.get_prompt("review-city", label="production", known=found)
        """
        asked = {"label": label, "version": version}
        query = {key: str(value) for key, value in asked.items() if value is not None}
        headers = {"if-none-match": known.etag} if known is not None else {}
        call = Call("GET", _path(name), self._timeout_s, is_repeatable=True, query=query, headers=headers)
        answer = await self._exchange.send(call)
        return known if known is not None and answer.status == 304 else read(PromptVersionView, answer)

    async def list_prompts(self, *, cursor: str | None = None, limit: int | None = None) -> PromptsPage:
        """Prompts by name; ``cursor`` is ``next`` of the page before."""
        return read(PromptsPage, await self._page("/v1/prompts", cursor, limit))

    async def list_prompt_versions(
        self, name: str, *, cursor: int | None = None, limit: int | None = None
    ) -> PromptVersionsPage:
        """All versions of a prompt, newest first; ``cursor`` is ``next`` of the page before. Raises NotFoundError."""
        return read(PromptVersionsPage, await self._page(_path(name, "/versions"), cursor, limit))

    async def get_prompt_labels(self, name: str, *, cursor: int | None = None, limit: int | None = None) -> LabelsView:
        """Where the labels of a prompt stand, and how they moved, newest first. Raises NotFoundError."""
        return read(LabelsView, await self._page(_path(name, "/labels"), cursor, limit))

    async def create_prompt_version(
        self,
        name: str,
        prompt: str,
        *,
        note: str = "",
        label: str | None = None,
        idempotency_key: str | None = None,
    ) -> PromptVersionView:
        """Register a prompt of one's own; the newest version is answered when it has that text already.

        Args:
            name: 1 to 64 of a-z, 0-9, ``.``, ``_`` and ``-``.
            prompt: the text, which is kept letter by letter.
            note: a sentence for whoever reads the history.
            label: a label that the version gets in the same step.
            idempotency_key: name of this very request; a fresh one when None.

        Raises:
            InvalidInputError: no name, label or prompt.
        """
        given = {"prompt": prompt, **({"note": note} if note else {}), **({"label": label} if label else {})}
        answer = await self._post(_path(name, "/versions"), NewVersion, given, key=idempotency_key or str(uuid.uuid4()))
        return read(PromptVersionView, answer)

    async def promote_prompt(
        self, name: str, version: int, *, label: str = PRODUCTION, expected: Expected = "any"
    ) -> PromptVersionView:
        """Move a label to a version; with ``expected`` only from there. Where it stands there, nothing happens.

        Raises:
            NotFoundError: there is no such prompt, or no such version.
            ConflictError: the label stands elsewhere than expected.
        """
        given = {"version": version, "label": label, **({} if expected == "any" else {"expected": expected})}
        return read(PromptVersionView, await self._post(_path(name, "/promote"), Promotion, given))

    async def rollback_prompt(
        self, name: str, *, label: str = PRODUCTION, expected: Expected = "any"
    ) -> PromptVersionView:
        """Move a label back to where it stood before; again, one step further.

        Raises:
            NotFoundError: there is no such prompt.
            ConflictError: the label stands elsewhere than expected, or stood nowhere before.
        """
        given = {"label": label, **({} if expected == "any" else {"expected": expected})}
        return read(PromptVersionView, await self._post(_path(name, "/rollback"), Rollback, given, is_repeatable=False))

    async def _page(self, path: str, cursor: int | str | None, limit: int | None) -> Answer:
        asked = {"cursor": cursor, "limit": limit}
        query = {key: str(value) for key, value in asked.items() if value is not None}
        return await self._exchange.send(Call("GET", path, self._timeout_s, is_repeatable=True, query=query))

    async def _post(
        self, path: str, model: type[Strict], given: Mapping[str, object], *, key: str = "", is_repeatable: bool = True
    ) -> Answer:
        body = made(model, **given).model_dump_json(exclude_unset=True).encode()
        headers = {"content-type": "application/json", **({"idempotency-key": key} if key else {})}
        call = Call("POST", path, self._timeout_s, is_repeatable=is_repeatable, headers=headers, body=body)
        return await self._exchange.send(call)


def _path(name: str, below: str = "") -> str:
    problem = name_problem(name)
    if problem:
        raise InvalidInputError(problem)
    return f"/v1/prompts/{quote(name, safe='')}{below}"
