from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

NAME = "api_double"
DOUBLE = Path(__file__).parents[1] / "client" / "double.py"


@pytest.fixture
def double() -> ModuleType:
    """The client tests' server: tests are no packages, so it is loaded by its path."""
    if NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(NAME, DOUBLE)
        assert spec is not None and spec.loader is not None
        sys.modules[NAME] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[NAME])
    return sys.modules[NAME]


@pytest.fixture
def api(double: ModuleType) -> Iterator[Any]:
    with double.serving() as running:
        yield running


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No PMPO_ variable of the caller's reaches a test, and the terminal is 80 columns wide."""
    import os

    for name in [name for name in os.environ if name.startswith("PMPO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def api_of_kind(api: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], Any]:
    """The double at ``PMPO_URL``, whose jobs are all of a kind and end with its attribute ``outcome``."""
    add_job = api.add_job

    def become(kind: str, outcome: Any) -> Any:
        monkeypatch.setenv("PMPO_URL", api.url)
        api.outcome = outcome

        def add(job_id: str = "job-1", **more: Any) -> str:
            add_job(job_id, **more)
            api.jobs[job_id] = api.jobs[job_id].model_copy(update={"kind": kind})
            api.results[job_id] = api.outcome
            return job_id

        api.add_job = add
        return api

    return become
