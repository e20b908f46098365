"""A problem is the error it came from, both ways."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pmpo.contracts.problems import Problem, from_problem, refusal, to_problem
from pmpo.contracts.scoring import TokenizeTextsRequest
from pmpo.errors import MAX_MESSAGE, InvalidInputError, OverloadedError, PmpoError, UnavailableError, error_classes


@pytest.mark.parametrize("code", sorted(error_classes()))
def test_every_class_survives_the_wire(code: str) -> None:
    error = error_classes()[code]("what was wrong, where", retry_after_s=3.0)
    rebuilt = from_problem(Problem.model_validate_json(to_problem(error, "req").model_dump_json()))
    assert type(rebuilt) is type(error)
    assert (rebuilt.message, rebuilt.retry_after_s) == (error.message, 3.0)


def test_members() -> None:
    problem = to_problem(OverloadedError("full", retry_after_s=2.0), "req-7")
    assert problem.model_dump() == {
        "type": "urn:pmpo:problem:overloaded",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "full",
        "code": "overloaded",
        "retryable": True,
        "request_id": "req-7",
        "retry_after_s": 2.0,
    }


@pytest.mark.parametrize(("retryable", "expected"), [(True, UnavailableError), (False, PmpoError)])
def test_code_of_a_newer_service(retryable: bool, expected: type[PmpoError]) -> None:
    problem = to_problem(PmpoError("new"), "r").model_copy(update={"code": "from_2031", "retryable": retryable})
    error = from_problem(problem)
    assert type(error) is expected
    assert error.retryable is retryable
    assert error.message == "new"


@pytest.mark.parametrize("name", ["\ud800", "a\nb", "\u202e", "x" * 5_000])
def test_any_unknown_key_can_be_told_of(name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TokenizeTextsRequest.model_validate({name: 1, "texts": []})
    told = refusal(refused.value.errors()).message
    assert "unknown key" in told
    assert len(told) <= MAX_MESSAGE
    assert told.isprintable()
    assert Problem.model_validate_json(to_problem(InvalidInputError(told), "r").model_dump_json()).detail == told


def test_members_of_newer_services_are_ignored() -> None:
    body = to_problem(PmpoError("x"), "r").model_dump() | {"instance": "/v1/x"}
    assert Problem.model_validate(body).detail == "x"
