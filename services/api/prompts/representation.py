"""A version as JSON or as its text alone, with the tag that tells whether it changed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from fastapi import Response

from pmpo.contracts.prompts import PromptVersionView

JSON, TEXT = "application/json", "text/plain"
VERSION_HEADER = "pmpo-prompt-version"


def version_etag(name: str, version: int, labels: Sequence[str], media_type: str = JSON) -> str:
    """The tag of a representation. A version never changes, but for the labels that its JSON form tells of."""
    told = "\n".join([name, str(version), media_type, *(labels if media_type == JSON else ())])
    return f'"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'


def respond(view: PromptVersionView, accept: str | None, if_none_match: str | None) -> Response:
    """The version as the caller asks for it; 304 when the caller has it already."""
    media_type = TEXT if prefers_text(accept) else JSON
    etag = view.etag if media_type == JSON else version_etag(view.name, view.version, (), TEXT)
    headers = {"etag": etag, "vary": "accept", "cache-control": "no-cache", VERSION_HEADER: str(view.version)}
    if _is_known(etag, if_none_match):
        return Response(status_code=304, headers=headers)
    content = view.prompt if media_type == TEXT else view.model_dump_json()
    return Response(content.encode(), media_type=media_type, headers=headers)


def prefers_text(accept: str | None) -> bool:
    """Whether ``Accept`` asks for text rather than for JSON, which is what a caller gets who does not care."""
    weights = dict(_weights(accept or "*/*"))
    json = weights.get(JSON, weights.get("application/*", weights.get("*/*", 0.0)))
    return weights.get(TEXT, weights.get("text/*", 0.0)) > json


def _weights(accept: str) -> list[tuple[str, float]]:
    found = []
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((piece.removeprefix("q=") for piece in parameters if piece.startswith("q=")), "1")
        found.append((name, float(weight) if weight.replace(".", "", 1).isdecimal() else 0.0))
    return found


def _is_known(etag: str, if_none_match: str | None) -> bool:
    """Weak comparison, as RFC 9110 asks for here."""
    known = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return "*" in known or etag in known
