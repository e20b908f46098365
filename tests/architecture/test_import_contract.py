"""The import contract refuses what it should, and every room has a row."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from grimp import ImportGraph

from scripts.import_contract import MayImport

ROOT = Path(__file__).parents[2]
ROWS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def graph_of(*imports: tuple[str, str]) -> ImportGraph:
    graph = ImportGraph()
    for number, (importer, imported) in enumerate(imports, start=1):
        graph.add_import(importer=importer, imported=imported, line_number=number, line_contents="")
    return graph


def broken(graph: ImportGraph, **options: Any) -> list[tuple[str, str]]:
    check = MayImport("a row", {}, options).check(graph, verbose=False)
    assert check.kept == (not check.metadata["broken"])
    return [(importer, imported) for importer, imported, _ in check.metadata["broken"]]


def test_only_itself_the_allowed_and_the_standard_library() -> None:
    graph = graph_of(
        ("pmpo.a.x", "pmpo.a.y"),
        ("pmpo.a.x", "pmpo.b.z"),
        ("pmpo.a.x", "json"),
        ("pmpo.a.x", "pmpo"),
        ("pmpo.a.x", "pmpo.c"),
        ("pmpo.a.x", "numpy"),
        ("pmpo.a.x", "torch"),
        ("pmpo.ab", "torch"),
    )
    assert broken(graph, modules=["pmpo.a"], allowed=["pmpo.b", "numpy"]) == [
        ("pmpo.a.x", "pmpo.c"),
        ("pmpo.a.x", "torch"),
    ]


def test_what_is_refused_goes_before_what_is_allowed() -> None:
    graph = graph_of(("pmpo.a", "pmpo.b.z"), ("pmpo.a", "time"), ("pmpo.c", "pmpo.b.z"), ("pmpo.a", "pmpo.b"))
    refused = ["time", "pmpo.b.z <- pmpo.a"]
    assert broken(graph, modules=["pmpo.a", "pmpo.c"], allowed=["pmpo.b"], refused=refused) == [
        ("pmpo.a", "pmpo.b.z"),
        ("pmpo.a", "time"),
    ]


def test_exceptions_have_a_row_of_their_own_and_absent_modules_break_nothing() -> None:
    graph = graph_of(("pmpo.a.x", "torch"))
    assert broken(graph, modules=["pmpo.a"], except_modules=["pmpo.a.x"]) == []
    assert broken(graph, modules=["pmpo.absent"]) == []


@pytest.mark.parametrize("package", [ROOT / "shared" / "pmpo", ROOT / "services"], ids=lambda path: path.name)
def test_every_room_has_a_row(package: Path) -> None:
    rooms = {path.name.removesuffix(".py") for path in package.iterdir() if path.suffix == ".py" or path.is_dir()}
    rooms -= {"__init__", "__pycache__", "_bundled"}
    listed = {module for row in ROWS for module in row["modules"]}
    missing = [room for room in sorted(rooms) if f"{package.name}.{room}" not in listed]
    assert not missing, f"write a contract in pyproject.toml for {missing}"


def test_what_a_row_leaves_out_another_covers() -> None:
    listed = {module for row in ROWS for module in row["modules"]}
    assert {module for row in ROWS for module in row.get("except_modules", [])} <= listed
