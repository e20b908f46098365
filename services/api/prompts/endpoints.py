"""The routes of prompts: what comes in and goes out; what it means is in ``service``."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response

from pmpo.contracts.prompts import (
    MAX_PAGE_PROMPTS,
    LabelsView,
    NewVersion,
    Promotion,
    PromptsPage,
    PromptVersionsPage,
    PromptVersionView,
    Rollback,
)
from pmpo.contracts.registry import name_problem
from pmpo.errors import InvalidInputError
from services.api.callers import Reader, Submitter
from services.api.deps import PromptRegistry
from services.api.idempotency import REPLAYED, KeyOfRequest
from services.api.prompts.representation import respond

router = APIRouter(prefix="/v1/prompts", tags=["prompts"])
TEXT_TOO: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "model": PromptVersionView},
    304: {"description": "the caller has it already"},
}
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE_PROMPTS)]
Before = Annotated[int | None, Query(ge=1, le=2**31, description="`next` of the page before")]


async def _name(name: Annotated[str, Path(description="the prompt's name")]) -> str:
    """Raises InvalidInputError: no prompt can have that name."""
    problem = name_problem(name)
    if problem:
        raise InvalidInputError(problem)
    return name


Name = Annotated[str, Depends(_name)]


@router.get("")
async def list_prompts(
    caller: Reader,
    prompts: PromptRegistry,
    cursor: Annotated[str, Query(max_length=64, description="`next` of the page before")] = "",
    limit: Limit = 50,
) -> PromptsPage:
    """The project's prompts by name, in pages."""
    return await prompts.page(caller.project, cursor, limit)


@router.get("/{name}", response_model=PromptVersionView, responses=TEXT_TOO)
async def get_prompt(
    name: Name,
    caller: Reader,
    prompts: PromptRegistry,
    *,
    label: Annotated[
        str | None, Query(max_length=64, description="where this label stands; `latest` is the newest")
    ] = None,
    version: Annotated[int | None, Query(ge=1, le=2**31, description="this version")] = None,
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
    if_none_match: Annotated[str | None, Header(description="an ETag that this route gave")] = None,
) -> Response:
    """One version: by its number, by a label, or the newest; as JSON, or its text alone with `Accept: text/plain`."""
    if label is not None and version is not None:
        raise InvalidInputError("label and version are both given; give one of them, or none for the newest version")
    return respond(await prompts.get(caller.project, name, version=version, label=label), accept, if_none_match)


@router.get("/{name}/versions")
async def list_versions(
    name: Name, caller: Reader, prompts: PromptRegistry, cursor: Before = None, limit: Limit = 50
) -> PromptVersionsPage:
    """All versions, newest first, in pages."""
    return await prompts.versions(caller.project, name, cursor, limit)


@router.post("/{name}/versions", status_code=201, responses={200: {"model": PromptVersionView}})
async def add_version(
    name: Name,
    new: NewVersion,
    *,
    caller: Submitter,
    keyed: KeyOfRequest,
    prompts: PromptRegistry,
    response: Response,
) -> PromptVersionView:
    """Register a prompt as a version: 201, and 200 for the text that the newest version has already."""
    view, outcome = await prompts.add(caller.project, name, new, keyed.request(new))
    response.headers["location"] = f"/v1/prompts/{name}?version={view.version}"
    if outcome == "same":
        response.status_code = 200
    if outcome == "replayed":
        response.headers[REPLAYED] = "true"
    return view


@router.get("/{name}/labels")
async def get_labels(
    name: Name, caller: Reader, prompts: PromptRegistry, cursor: Before = None, limit: Limit = 50
) -> LabelsView:
    """Where labels stand, and every move of theirs, newest first, in pages."""
    return await prompts.labels(caller.project, name, cursor, limit)


@router.post("/{name}/promote")
async def promote(name: Name, wish: Promotion, caller: Submitter, prompts: PromptRegistry) -> PromptVersionView:
    """Move a label to a version."""
    return await prompts.promote(caller.project, name, wish)


@router.post("/{name}/rollback")
async def rollback(name: Name, wish: Rollback, caller: Submitter, prompts: PromptRegistry) -> PromptVersionView:
    """Move a label back to where it stood before."""
    return await prompts.rollback(caller.project, name, wish)
