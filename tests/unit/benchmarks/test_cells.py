import asyncio
from pathlib import Path

import pytest

from benchmarks.cells import Cells

KEY = {"revision": "a", "sizes": (1, 2)}


def test_a_cell_comes_back_under_its_key_only(tmp_path: Path) -> None:
    cells = Cells(tmp_path)
    stored = cells.save("job/pool", KEY, {"prompts": ("a", "b")})
    assert stored == {"prompts": ["a", "b"]} == cells.load("job/pool", KEY)
    assert cells.load("job/pool", {**KEY, "revision": "b"}) is None
    assert cells.load("job/other", KEY) is None


@pytest.mark.parametrize("rest", ["", '{"key": {"revision"', "[]", "{}"])
def test_a_file_that_was_cut_off_counts_as_not_there(tmp_path: Path, rest: str) -> None:
    (tmp_path / "pool.json").write_text(rest)
    assert Cells(tmp_path).load("pool", KEY) is None


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    made = []

    async def make() -> list[int]:
        made.append(1)
        return [7]

    async def twice() -> list[object]:
        return [await Cells(tmp_path).have("cell", KEY, make) for _ in range(2)]

    assert asyncio.run(twice()) == [[7], [7]]
    assert made == [1]


def test_a_failure_leaves_no_cell(tmp_path: Path) -> None:
    async def fail() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        asyncio.run(Cells(tmp_path).have("cell", KEY, fail))
    assert Cells(tmp_path).load("cell", KEY) is None


def test_a_cell_of_other_weights_is_made_again_and_that_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    cells = Cells(tmp_path, said.append)

    async def make() -> int:
        return 1

    asyncio.run(cells.have("job/pool", KEY, make))
    assert said == []
    asyncio.run(cells.have("job/pool", {**KEY, "revision": "b"}, make))
    asyncio.run(cells.have("job/pool", {"revision": "b", "sizes": (1, 3)}, make))
    assert said == [
        "job/pool is made again: it belongs to other weights (a, now b)",
        "job/pool is made again: sizes was [1, 2], now [1, 3]",
    ]
