"""Every line of docs/security.md that says what is defended names tests, and these exist."""

import re

from tests.architecture.repository import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
REFERENCE = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows() -> list[list[str]]:
    """The cells of every row below a heading ``defended | shown by``."""
    tables = re.findall(r"^\| defended \| shown by \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    lines = [line for table in tables for line in table.splitlines()]
    return [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in lines]


def test_every_line_names_tests_that_exist() -> None:
    assert len(rows()) >= 20
    for defended, *shown in rows():
        named = REFERENCE.findall("".join(shown))
        assert named, f"nothing shows: {defended}"
        for file, test in named:
            assert re.search(rf"^(?:async )?def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), (
                f"{file} has no {test}"
            )


def test_the_page_names_what_is_not_defended() -> None:
    assert len(re.findall(r"^- \*\*.+?\*\*", PAGE.partition("## Not defended")[2], re.MULTILINE)) >= 5
