"""Names of the registry, and names that are made of others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.registry import RegistrySpec, name_like, name_problem

JOB = {"prompt": "x", "dataset": {"train": [{"a": 1}]}}


@pytest.mark.parametrize("name", ["a", "review-city", "v1.2_b", "0", "a" * 64, "-a-", "..a"])
def test_names(name: str) -> None:
    assert name_problem(name) == ""


@pytest.mark.parametrize("name", ["", "A", "a b", "a/b", "é", ".", "..", "-_.", "a" * 65, "a\n", "ds:x"])
def test_what_is_no_name_is_told_with_the_rule(name: str) -> None:
    assert "use 1 to 64 of a-z, 0-9, '.', '_' and '-'" in name_problem(name)


@given(st.text(max_size=200))
def test_a_name_that_is_made_is_one_and_stays_as_it_is(text: str) -> None:
    name = name_like(text)
    assert not name or name_problem(name) == ""
    assert name_like(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [("Review city!", "review-city"), ("a" * 63 + " b", "a" * 63), ("  x  ", "x"), ("Кино", ""), ("...", "")],
)
def test_names_like_others(text: str, name: str) -> None:
    assert name_like(text) == name


@pytest.mark.parametrize(
    ("given", "spec"),
    [
        ("cities", RegistrySpec(name="cities")),
        (False, RegistrySpec(keep=False)),
        ({"name": "cities", "label": "beta"}, RegistrySpec(name="cities", label="beta")),
        ({}, RegistrySpec()),
    ],
)
def test_what_a_job_says_of_the_registry_in_its_forms(given: object, spec: RegistrySpec) -> None:
    job = JobSpec.model_validate({**JOB, "registry": given}, strict=True)
    assert job.registry == spec
    assert JobSpec.model_validate_json(job.model_dump_json()).registry == spec
