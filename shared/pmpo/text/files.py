"""A prompt out of a text file: what editors add is left out, and it is said."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from pmpo.errors import InvalidInputError

_LINE_END = re.compile(r"\r\n?")


@dataclass(frozen=True, slots=True)
class PromptText:
    """A prompt, and a sentence for each thing that differs from its file beside the line end at the very end."""

    text: str
    notes: tuple[str, ...]


def read_prompt(raw: bytes, label: str, *, is_exact: bool = False) -> PromptText:
    """The prompt in the bytes of a file, as a job file would read it.

    A byte order mark is left out, carriage returns that end a line become line feeds, and the last line feed goes: they
    come from the editor and would be tokens to the model. With ``is_exact`` every character stays.

    Args:
        raw: the file.
        label: what messages call it.
        is_exact: keep all of it.

    Raises:
        InvalidInputError: it is not UTF-8, or there is no prompt in it.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InvalidInputError(f"{label}, line {line}: not UTF-8 ({error.reason}); save it as UTF-8") from None
    notes = []
    if not is_exact:
        if raw.startswith(codecs.BOM_UTF8):
            text = text.removeprefix("\ufeff")
            notes.append(f"{label}: the byte order mark at its start was left out; --exact keeps it")
        if "\r" in text:
            text = _LINE_END.sub("\n", text)
            notes.append(f"{label}: its Windows line ends became line feeds; --exact keeps them")
        text = text.removesuffix("\n")
    if not text.strip("\ufeff \t\r\n"):
        raise InvalidInputError(f"{label} holds no prompt; write one into it")
    return PromptText(text, tuple(notes))
