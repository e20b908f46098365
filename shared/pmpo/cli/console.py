"""What is printed where: results on stdout, sentences on stderr, and texts of strangers made harmless."""

from __future__ import annotations

import json
import sys
import textwrap
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from rich.console import Console

from pmpo.cli.exits import READER_GONE, drop_output

MAX_WIDTH = 100


class QuietConsole(Console):
    """A console whose reader may leave early, as ``head`` does: then the command ends without a word."""

    def on_broken_pipe(self) -> NoReturn:
        """End as a program that SIGPIPE stops."""
        self.quiet = True
        end_unread()


def stdout_console() -> Console:
    """For results and progress. Colours only on a terminal and without NO_COLOR; nothing is read as markup."""
    return _bounded(QuietConsole(markup=False, highlight=False, emoji=False))


def list_console() -> Console:
    """For lists, which use all of a wide window."""
    return QuietConsole(markup=False, highlight=False, emoji=False)


def stderr_console() -> Console:
    """For sentences about what went wrong, and for progress when stdout belongs to a program."""
    return _bounded(QuietConsole(stderr=True, markup=False, highlight=False, emoji=False))


def progress_console(*, as_json: bool) -> Console | None:
    """Where progress goes: stdout for people; when stdout is a program's, a terminal's stderr, or nowhere."""
    if not as_json:
        return stdout_console()
    console = stderr_console()
    return console if console.is_terminal else None


@contextmanager
def busy(console: Console | None, what: str) -> Iterator[None]:
    """Show that ``what`` takes a moment: a spinner on a terminal, else a line."""
    if console is None:
        yield
    elif console.is_terminal:
        with console.status(what):
            yield
    else:
        console.print(what)
        yield


def shown(text: str) -> str:
    """``text`` for a terminal: control characters, which could move the cursor or hide text, become visible."""
    return "".join(_visible(character) for character in text)


def on_one_line(text: str, max_characters: int) -> str:
    """The start of ``text`` on one line, with an ellipsis where something is left out."""
    line = " ".join(shown(text).split())
    return line if len(line) <= max_characters else line[: max_characters - 1].rstrip() + "…"


def print_words(console: Console, line: str) -> None:
    """``line`` broken between words on a terminal, a whole line elsewhere; longer words, like addresses, stay whole."""
    if console.is_terminal:
        line = textwrap.fill(line, console.width, break_long_words=False, break_on_hyphens=False)
    console.print(line, soft_wrap=True)


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on stdout, and nothing else."""
    try:
        sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        end_unread()


def end_unread() -> NoReturn:
    """Unwind and end: nobody reads stdout any more."""
    drop_output()
    sys.exit(READER_GONE)


def _bounded(console: Console) -> Console:
    """Lines longer than this are hard to read, however wide the window is."""
    console.width = min(console.width, MAX_WIDTH)
    return console


def _visible(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs"):
        return character
    if character in "\u200c\u200d":  # joiners: parts of words and of emoji
        return character
    return f"<U+{ord(character):04X}>"
