"""Messages quote what callers sent; they stay one line that can be read, logged and put into JSON."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pmpo.errors import MAX_MESSAGE, PmpoError, one_line


@given(st.text(alphabet=st.characters(), max_size=80))
def test_every_text_becomes_one_line_and_stays_so(text: str) -> None:
    line = one_line(text)
    assert line.splitlines() in ([], [line])
    line.encode("utf-8")
    assert one_line(line) == line


def test_what_can_be_read_stays_as_it_is() -> None:
    assert one_line("Zürich — 東京 {{input}} \\n 🧨") == "Zürich — 東京 {{input}} \\n 🧨"
    assert PmpoError("a\nb\x1b[2J\ud800").message == "a\\nb\\x1b[2J\\ud800" == str(PmpoError("a\nb\x1b[2J\ud800"))


def test_of_a_long_message_the_beginning_and_the_remedy_are_kept() -> None:
    message = PmpoError(f"the name is {'x' * 10_000}; choose a shorter one").message
    assert len(message) == MAX_MESSAGE
    assert message.startswith("the name is xxx")
    assert message.endswith("xxx; choose a shorter one")
