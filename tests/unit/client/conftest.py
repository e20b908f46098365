from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

NAME = "api_double"


def load_double() -> ModuleType:
    """The double is a file beside this one: tests are no packages."""
    if NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(NAME, Path(__file__).with_name("double.py"))
        assert spec is not None and spec.loader is not None
        sys.modules[NAME] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[NAME])
    return sys.modules[NAME]


@pytest.fixture
def double() -> ModuleType:
    return load_double()


@pytest.fixture
def api(double: ModuleType) -> Iterator[Any]:
    with double.serving() as running:
        yield running
