"""Demonstrations in a prompt: worked examples as plain text. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pmpo.text.placeholders import PLACEHOLDER

_PARAGRAPH_END = re.compile(r"\n[ \t]*\n")


def demonstration_block(given: str, output: str) -> str:
    """One worked example: ``Input: ...`` and ``Output: ...`` on lines of their own."""
    return f"Input: {given.strip()}\nOutput: {output.strip()}"


def with_demonstrations(prompt: str, pairs: Sequence[tuple[str, str]]) -> str:
    """``prompt`` with a block for each (input, output), parted by blank lines.

    A prompt without placeholders is an instruction, and the blocks follow it. In a prompt with placeholders the row's
    own input would then stand before the examples, so they stand before the paragraph of the first placeholder.
    """
    if not pairs:
        return prompt
    blocks = "\n\n".join(demonstration_block(given, output) for given, output in pairs)
    first = PLACEHOLDER.search(prompt)
    if first is None:
        return f"{prompt.rstrip()}\n\n{blocks}"
    ends = [match.end() for match in _PARAGRAPH_END.finditer(prompt, 0, first.start())]
    start = ends[-1] if ends else 0
    return f"{prompt[:start]}{blocks}\n\n{prompt[start:]}"
