from tests.conformance.families import DOCUMENT, table, with_table


def test_the_document_has_the_table_of_this_suite() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert table() in text
    assert with_table(text) == text, "run: python -m tests.conformance.families"
