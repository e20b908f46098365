"""Refuses files above 400 lines and functions above 60: ``python scripts/check_sizes.py PATH...``.

Prints one ``file:line: what`` for each and exits 1. A function's lines run from ``def`` to its last statement; its
docstring counts, its decorators do not.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60


def too_large(path: Path) -> Iterator[str]:
    """One line of text for the file if it is too long, and one for each function that is."""
    source = path.read_text(encoding="utf-8")
    num_lines = len(source.splitlines())
    if num_lines > MAX_FILE_LINES:
        yield f"{path}:1: file of {num_lines} lines (at most {MAX_FILE_LINES})"
    for node in ast.walk(ast.parse(source, str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            num_lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if num_lines > MAX_FUNCTION_LINES:
                yield f"{path}:{node.lineno}: function {node.name} of {num_lines} lines (at most {MAX_FUNCTION_LINES})"


def python_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files among ``paths`` and the Python files below its folders, sorted."""
    for path in paths:
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def main(arguments: list[str]) -> int:
    """Check the files and folders named; 0 when all are small enough."""
    findings = [line for path in python_files(map(Path, arguments)) for line in too_large(path)]
    print("\n".join(findings) if findings else "sizes: all files and functions are within the limits")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
