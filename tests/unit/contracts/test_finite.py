"""No number on the wire is infinite or none at all: JSON has neither, so what holds one could not be read again."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

import pmpo.contracts
from pmpo.contracts.jobs import JobSpec


def models() -> Iterator[type[BaseModel]]:
    for module in pkgutil.iter_modules(pmpo.contracts.__path__, "pmpo.contracts."):
        for found in vars(importlib.import_module(module.name)).values():
            if isinstance(found, type) and issubclass(found, BaseModel) and found.__module__ == module.name:
                yield found


def holds_floats(annotation: Any) -> bool:
    return annotation is float or any(holds_floats(inner) for inner in get_args(annotation))


def test_every_model_with_floats_refuses_what_is_not_finite() -> None:
    with_floats = [
        model for model in models() if any(holds_floats(field.annotation) for field in model.model_fields.values())
    ]
    assert len(with_floats) > 20
    lax = {model.__name__ for model in with_floats if model.model_config.get("allow_inf_nan") is not False}
    assert lax == {"Problem", "KeyView", "KeyCreated"}  # answers alone, read as the service wrote them


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN"])
@pytest.mark.parametrize(
    "section", ['"optimizer":{"min_delta":%s}', '"compress":{"epsilon":%s}', '"budget":{"seconds":%s}']
)
def test_a_job_with_such_a_number_is_refused(section: str, number: str) -> None:
    body = '{"prompt":"p","dataset":{"train":[{"input":"a","target":"b"}]},' + section % number + "}"
    with pytest.raises(ValidationError, match="finite number"):
        JobSpec.model_validate_json(body)


@pytest.mark.parametrize(
    "section",
    [
        {"optimizer": {"min_delta": 1e308}},
        {"optimizer": {"target_loss": 1e308}},
        {"kind": "compress", "compress": {"epsilon": -1e308}},
        {"kind": "compress", "compress": {"margin": 1e308}},
        {"objective": {"kind": "preference", "beta": 1e308}},
        {"objective": {"kind": "preference", "form": "lmpo", "gamma_ratio": 1e308}},
        {"budget": {"seconds": 1e308}},
        {"seed": 2**53},
    ],
    ids=str,
)
def test_a_number_that_would_overflow_on_the_way_is_refused(section: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"(less|greater) than"):
        JobSpec.model_validate({"prompt": "p", "dataset": {"train": [{"input": "a", "target": "b"}]}, **section})
