"""Every route of both services, called as its own description says, and otherwise: answers are as described."""

from __future__ import annotations

import gzip
from contextlib import nullcontext, suppress
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .conftest import Fuzzed, Share
from .tally import DEADLINE_S, Tally, for_each, judge, timed

pytestmark = pytest.mark.timeout(0)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def _bytes_of(value: Any) -> bytes:
    """What stands for a file in the descriptions: a text, or bytes in a wrapper."""
    data = getattr(value, "data", value)
    return data if isinstance(data, bytes) else str(data).encode("utf-8", "replace")


# JSON lines as they are; an archive packed, so that something of it is read.
schemathesis.serializer("application/x-ndjson")(lambda _context, value: _bytes_of(value))
schemathesis.serializer("application/gzip")(lambda _context, value: gzip.compress(_bytes_of(value)))


@pytest.mark.parametrize("service", ["api", "scorer"])
def test_routes(fuzzed: Fuzzed, tally: Tally, share: Share, seed: int, service: str) -> None:
    url = getattr(fuzzed, service)
    described = httpx.get(f"{url}/openapi.json", trust_env=False, timeout=DEADLINE_S).json()
    schema = schemathesis.openapi.from_dict(described)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert operations
    for operation in operations:
        case_name = f"{service} {operation.method.upper()} {operation.path}"
        for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
            made: st.SearchStrategy[Any] = operation.as_strategy(generation_mode=mode)

            def check(case: Any, case_name: str = case_name) -> None:
                def send() -> str:
                    answer = case.call(base_url=url, timeout=DEADLINE_S)
                    if answer.status_code >= 400:
                        judge_like(answer, case_name)
                    case.validate_response(answer, checks=CHECKS)
                    return str(answer.status_code)

                timed(tally, case_name, send)

            num_inputs = max(4, share(0.1) // (2 * len(operations)))
            # a route that takes nothing cannot be called wrongly
            with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else nullcontext():
                for_each(made, num_inputs, seed, check)


def judge_like(answer: Any, case_name: str) -> None:
    """``judge`` takes httpx's answers."""
    request = httpx.Request(answer.request.method, answer.request.url)
    headers = {name: values[0] for name, values in answer.headers.items() if name.lower() != "content-encoding"}
    judge(httpx.Response(answer.status_code, headers=headers, content=answer.content, request=request))
