from pathlib import Path

import pytest

from scripts.check_sizes import main


def function(name: str, num_lines: int) -> str:
    return f"def {name}():\n" + "    pass\n" * (num_lines - 1)


def test_what_is_at_the_limit_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "long.py").write_text("x = 1\n" * 400)
    (tmp_path / "deep.py").write_text(function("f", 60))
    assert main([str(tmp_path)]) == 0
    assert "within the limits" in capsys.readouterr().out


def test_a_long_file_and_a_long_function_are_named_with_their_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "long.py").write_text("x = 1\n" * 401)
    (tmp_path / "deep.py").write_text(
        "x = 1\nclass A:\n    async " + function("f", 61).replace("    pass", "        pass")
    )
    assert main([str(tmp_path)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0].endswith("deep.py:3: function f of 61 lines (at most 60)")
    assert out[1].endswith("long.py:1: file of 401 lines (at most 400)")
    assert len(out) == 2
