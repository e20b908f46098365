"""What the routes of prompts mean: register, show, list, label."""

from __future__ import annotations

import time

from pmpo.contracts.prompts import (
    LabelsView,
    NewVersion,
    Promotion,
    PromptContent,
    PromptsPage,
    PromptSummary,
    PromptVersionsPage,
    PromptVersionView,
    Rollback,
)
from pmpo.contracts.registry import LATEST
from pmpo.runs.registration import text_digest
from services.api.prompts.representation import version_etag
from services.store.idempotency import KeyedRequest
from services.store.prompts import Added, Expected, NewEntry, StoredPrompt, StoredVersion
from services.store.store import Store


class PromptService:
    """The registry as the API's callers see it."""

    def __init__(self, store: Store) -> None:
        self._prompts = store.prompts

    async def add(
        self, project: str, name: str, new: NewVersion, request: KeyedRequest | None
    ) -> tuple[PromptVersionView, Added]:
        """Register a prompt as a version; the text of the newest version makes no further one.

        Returns:
            the version, and what became of the request: see ``Prompts.add``.

        Raises:
            IdempotencyKeyReusedError: the key was used for another body.
        """
        digest = text_digest(new.prompt)
        content = PromptContent(
            prompt=new.prompt, sha256=digest, created_at=time.time(), source="person", note=new.note
        )
        labels = [] if new.label is None else [new.label]
        entry = NewEntry(name, content.model_dump_json().encode(), digest, labels=labels)
        number, outcome = await self._prompts.add(project, entry, request)
        return _view(await self._prompts.get(project, name, version=number)), outcome

    async def get(self, project: str, name: str, *, version: int | None, label: str | None) -> PromptVersionView:
        """One version: that number, the one where ``label`` stands, or the newest (``latest``).

        Raises:
            NotFoundError: there is no such prompt, version or label.
        """
        wanted = "" if label in (None, LATEST) else str(label)
        return _view(await self._prompts.get(project, name, version=version, label=wanted))

    async def versions(self, project: str, name: str, cursor: int | None, limit: int) -> PromptVersionsPage:
        """Versions, newest first; ``cursor`` is the ``next`` of the page before. Raises NotFoundError."""
        found = await self._prompts.versions(project, name, cursor, limit)
        following = found[-1].number if found and found[-1].number > 1 else None
        return PromptVersionsPage(versions=[_view(each) for each in found], next=following)

    async def page(self, project: str, cursor: str, limit: int) -> PromptsPage:
        """Prompts by name; ``cursor`` is the ``next`` of the page before."""
        found = await self._prompts.page(project, cursor, limit + 1)
        following = found[limit - 1].name if len(found) > limit else None
        return PromptsPage(prompts=[_summary(each) for each in found[:limit]], next=following)

    async def labels(self, project: str, name: str, cursor: int | None, limit: int) -> LabelsView:
        """Where labels stand and how they came there. Raises NotFoundError."""
        labels = await self._prompts.labels(project, name)
        moves = await self._prompts.moves(project, name, cursor, limit)
        following = moves[-1].number if moves and moves[-1].number > 1 else None
        return LabelsView(name=name, labels=labels, moves=moves, next=following)

    async def promote(self, project: str, name: str, wish: Promotion) -> PromptVersionView:
        """Move a label to a version.

        Raises:
            NotFoundError: there is no such prompt, or no such version.
            ConflictError: the label stands elsewhere than expected.
        """
        expected: Expected = wish.expected if "expected" in wish.model_fields_set else "any"
        await self._prompts.promote(project, name, wish.label, wish.version, expected=expected)
        return _view(await self._prompts.get(project, name, version=wish.version))

    async def rollback(self, project: str, name: str, wish: Rollback) -> PromptVersionView:
        """Move a label to where it stood before.

        Raises:
            NotFoundError: there is no such prompt.
            ConflictError: the label stands elsewhere than expected, or stood nowhere before.
        """
        expected: Expected = wish.expected if "expected" in wish.model_fields_set else "any"
        version = await self._prompts.rollback(project, name, wish.label, expected=expected)
        return _view(await self._prompts.get(project, name, version=version))


def _view(stored: StoredVersion) -> PromptVersionView:
    content = PromptContent.model_validate_json(stored.entry)
    return PromptVersionView(
        name=stored.name,
        version=stored.number,
        prompt=content.prompt,
        sha256=content.sha256,
        created_at=content.created_at,
        source=content.source,
        note=content.note,
        parent=stored.parent,
        labels=list(stored.labels),
        lineage=content.lineage,
        etag=version_etag(stored.name, stored.number, stored.labels),
    )


def _summary(stored: StoredPrompt) -> PromptSummary:
    newest = _view(stored.newest)
    return PromptSummary(
        name=stored.name,
        num_versions=stored.num_versions,
        labels=dict(stored.labels),
        updated_at=newest.created_at,
        verdict=newest.lineage.verdict if newest.lineage else None,
    )
