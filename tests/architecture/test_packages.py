"""Packages and their `__init__.py`: every folder with code has one, and some of them must stay empty."""

import ast
import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / "services", ROOT / "shared" / "pmpo", ROOT / "models" / "nano" / "nano_training"]
# Imported on machines that have neither our dependencies nor our settings.
EMPTY = ["shared/pmpo/optim", "services", "services/scorer", "services/scorer/engines"]


def imported_modules(path: Path) -> set[str]:
    """Names of the modules that a file imports anywhere, relative imports as dots."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found - {"__future__"}


@pytest.mark.parametrize("folder", EMPTY)
def test_init_imports_nothing(folder: str) -> None:
    assert imported_modules(ROOT / folder / "__init__.py") == set()


def test_conftest_imports_only_pytest() -> None:
    assert imported_modules(ROOT / "tests" / "conftest.py") <= {"pytest"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_every_folder_with_code_is_a_package(package: Path) -> None:
    folders = {path.parent for path in package.rglob("*.py")}
    assert folders
    missing = [folder.relative_to(ROOT) for folder in folders if not (folder / "__init__.py").is_file()]
    assert not missing


def test_both_distributions_read_the_same_version() -> None:
    server = tomllib.loads((ROOT / "pyproject.toml").read_text())
    client = tomllib.loads((ROOT / "shared" / "pyproject.toml").read_text())
    assert (ROOT / server["tool"]["hatch"]["version"]["path"]).samefile(
        ROOT / "shared" / client["tool"]["hatch"]["version"]["path"]
    )
    assert "version" in server["project"]["dynamic"]
    assert "version" in client["project"]["dynamic"]


def test_both_distributions_carry_the_licence() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert (ROOT / "shared" / "LICENSE").read_text() == text


def test_the_client_is_light() -> None:
    """It is imported in other people's programs: no torch, no server, no store, no command line."""
    heavy = ["torch", "transformers", "fastapi", "starlette", "redis", "rq", "typer", "rich", "structlog", "services"]
    code = f"import sys, pmpo.client; print([name for name in {heavy!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def all_requirements(distribution: str) -> set[str]:
    """The distributions that installing one without extras brings along on this machine."""
    found: set[str] = set()
    waiting = [distribution]
    while waiting:
        required = map(Requirement, importlib.metadata.requires(waiting.pop()) or ())
        names = {each.name.lower() for each in required if not each.marker or each.marker.evaluate({"extra": ""})}
        waiting += names - found
        found |= names
    return found


def test_the_command_line_is_installed_without_torch() -> None:
    found = all_requirements("pmpo")
    assert {"httpx", "typer", "numpy"} <= found
    assert (
        found & {"torch", "transformers", "vllm", "pandas", "scipy", "fastapi", "redis", "rq", "pmpo-server"} == set()
    )


def test_all_of_the_distribution_is_imported_without_torch() -> None:
    code = (
        "import importlib, pkgutil, sys; sys.modules.update(dict.fromkeys(('torch', 'transformers', 'services')))\n"
        "import pmpo\n"
        "names = [found.name for found in pkgutil.walk_packages(pmpo.__path__, 'pmpo.')]\n"
        "[importlib.import_module(name) for name in names]\n"
        "print(len(names))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) > 100
