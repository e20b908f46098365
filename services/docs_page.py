"""``/docs``: the routes and shapes of a service as one plain page, made from its own description.

FastAPI's page loads its program from another site; this one loads nothing, so it works where there is no internet and
under a content security policy that allows nothing but its own style.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2rem; border-top: 1px solid; padding-top: 1rem; }
h3 { font: bold 1rem/1.5 ui-monospace, monospace; }
code { font-family: ui-monospace, monospace; }
table { border-collapse: collapse; }
td, th { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0; }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd; } a { color: #8cf; } }
"""
_REF = "#/components/schemas/"
Schema = Mapping[str, Any]


def install_docs_page(app: FastAPI) -> None:
    """Serve the page at ``/docs``; the application must have been made with ``docs_url=None, redoc_url=None``."""

    async def docs(_request: Request) -> HTMLResponse:
        return HTMLResponse(docs_page(app.openapi()), headers={"content-security-policy": _policy()})

    app.add_route("/docs", docs, include_in_schema=False)


def docs_page(described: Schema) -> str:
    """The page of an OpenAPI description. Every text of it is escaped."""
    title = escape(f"{described['info']['title']} {described['info']['version']}")
    routes = "".join(
        _route(method, path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    )
    schemas = described.get("components", {}).get("schemas", {})
    shapes = "".join(_shape(name, schema) for name, schema in sorted(schemas.items()))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f'<body><h1>{title}</h1><p>For programs: <a href="/openapi.json">openapi.json</a></p>'
        f"<h2>Routes</h2>{routes}<h2>Shapes</h2>{shapes}</body></html>"
    )


def _policy() -> str:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


def _route(method: str, path: str, operation: Schema) -> str:
    rows = [
        (f"{found['name']} ({found['in']})", _type(found.get("schema", {})), found.get("description", ""))
        for found in operation.get("parameters", [])
    ]
    rows += [("body", _content(operation["requestBody"]), "")] if "requestBody" in operation else []
    rows += [
        (f"answer {status}", _content(answer), answer.get("description", ""))
        for status, answer in operation.get("responses", {}).items()
    ]
    said = escape(operation.get("description") or operation.get("summary", ""))
    return f"<h3>{escape(method.upper())} {escape(path)}</h3><p>{said}</p>{_table(rows)}"


def _shape(name: str, schema: Schema) -> str:
    required = schema.get("required", [])
    rows = []
    for field, found in schema.get("properties", {}).items():
        default = f" = {found['default']!r}" if "default" in found else " (required)" if field in required else ""
        rows.append((f"{field}{default}", _type(found), found.get("description", "")))
    said = escape(schema.get("description", ""))
    return f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{said}</p>{_table(rows)}'


def _table(rows: Iterable[tuple[str, str, str]]) -> str:
    """The middle cells are HTML already."""
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{kind}</td><td>{escape(said)}</td></tr>"
        for name, kind, said in rows
    )
    return f"<table>{cells}</table>" if cells else ""


def _content(part: Schema) -> str:
    return ", ".join(_type(content.get("schema", {})) for content in part.get("content", {}).values())


def _type(schema: Schema) -> str:
    """A schema in a few words of HTML; shapes are links."""
    if "$ref" in schema:
        name = escape(str(schema["$ref"]).removeprefix(_REF))
        return f'<a href="#{name}">{name}</a>'
    if "enum" in schema or "const" in schema:
        return " | ".join(escape(repr(value)) for value in schema.get("enum", [schema.get("const")]))
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return " | ".join(_type(each) for each in schema[word])
    kind = escape(str(schema.get("type", "any")))
    if "items" in schema:
        return f"list of {_type(schema['items'])}"
    limits = [f"{word} {schema[key]:g}" for key, word in _LIMITS.items() if key in schema]
    return escape(f"{kind} ({', '.join(limits)})") if limits else kind


_LIMITS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
    "minLength": "characters at least",
    "maxLength": "characters at most",
    "minItems": "items at least",
    "maxItems": "items at most",
}
