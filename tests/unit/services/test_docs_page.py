"""The page that a description becomes: everything of it is there, and nothing of it is markup."""

import base64
import hashlib
import re
from typing import Annotated

import httpx
from fastapi import FastAPI, Query
from pydantic import BaseModel, Field

from services.docs_page import docs_page, install_docs_page


class Box(BaseModel):
    """A box with <b>things</b>."""

    size: int = Field(ge=1, le=9, description="how & how much")
    names: list[str] = ["a"]


def made() -> FastAPI:
    app = FastAPI(title="Boxes <1>", docs_url=None, redoc_url=None)

    @app.post("/boxes/{box_id}")
    async def put(box_id: str, box: Box, deep: Annotated[bool, Query(description="all of <it>")] = False) -> Box:
        """Put a <box>."""
        return box

    install_docs_page(app)
    return app


def test_everything_is_there_and_nothing_is_markup() -> None:
    page = docs_page(made().openapi())
    for words in ("POST /boxes/{box_id}", "box_id (path)", "deep (query)", "list of string", "at least 1, at most 9"):
        assert words in page, words
    assert '<a href="#Box">Box</a>' in page and 'id="Box"' in page
    for escaped in (
        "Boxes &lt;1&gt;",
        "Put a &lt;box&gt;.",
        "&lt;b&gt;things",
        "how &amp; how much",
        "all of &lt;it&gt;",
    ):
        assert escaped in page, escaped
    assert "size (required)" in page


async def test_the_policy_allows_the_style_that_is_there_and_nothing_else() -> None:
    transport = httpx.ASGITransport(app=made())
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get("/docs")
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert f"style-src 'sha256-{digest}'" in policy and policy.startswith("default-src 'none'")
    assert " style=" not in answer.text and "<script" not in answer.text
