"""A prompt in a file: the text that a model sees, and what of the file is none of the model's business."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from dataclasses import dataclass

from pmpo.ci.conflicts import refuse_conflict
from pmpo.errors import InvalidInputError, PlaceholderError
from pmpo.text.placeholders import PLACEHOLDER, placeholders

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class PromptFile:
    """A prompt file, read.

    Attributes:
        text: what the model sees: lines end in a line feed, and the file's last line end is no part of it.
        line_end: the most frequent one of the file.
        has_mark: whether the file begins with a byte order mark.
        ends_line: whether its last line is ended.
    """

    text: str
    line_end: str = "\n"
    has_mark: bool = False
    ends_line: bool = True

    @classmethod
    def read(cls, data: bytes, where: str) -> PromptFile:
        """The prompt in the bytes of a file.

        Raises:
            InvalidInputError: no UTF-8, nothing in it, or a merge conflict.
        """
        has_mark = data.startswith(codecs.BOM_UTF8)
        try:
            found = data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise InvalidInputError(f"{where}, line {line}: not UTF-8; save the file as UTF-8") from None
        refuse_conflict(found, where, "edit the file so that one prompt is left")
        ends = Counter(_LINE_END.findall(found))
        text = _LINE_END.sub("\n", found)
        if not text.strip():
            raise InvalidInputError(f"{where} is empty; write a prompt into it")
        line_end = ends.most_common(1)[0][0] if ends else "\n"
        return cls(text.removesuffix("\n"), line_end, has_mark, text.endswith("\n"))

    def written(self, text: str) -> bytes:
        """The bytes of the same file with ``text`` for a prompt: mark, line ends and last line end stay as they are.

        A placeholder gets the spelling that it has in this file, such as the spaces in ``{{ input }}``.

        Raises:
            PlaceholderError: ``text`` has other placeholders than this prompt.
        """
        wanted, found = Counter(placeholders(self.text)), Counter(placeholders(text))
        if wanted != found:
            lost, added = ((one - other).elements() for one, other in ((wanted, found), (found, wanted)))
            raise PlaceholderError(
                f"the new prompt lost placeholders ({', '.join(sorted(lost)) or 'none'}) or added some "
                f"({', '.join(sorted(added)) or 'none'}), so it was not written"
            )
        spelling = {match.group(1): match.group(0) for match in reversed(list(PLACEHOLDER.finditer(self.text)))}
        spelt = PLACEHOLDER.sub(lambda match: spelling[match.group(1)], _LINE_END.sub("\n", text))
        ending = "\n" if self.ends_line else ""
        body = f"{spelt}{ending}".replace("\n", self.line_end).encode()
        return codecs.BOM_UTF8 + body if self.has_mark else body
