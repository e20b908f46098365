"""Reading what a rewriter wrote: the prompt between prompt tags, whatever small models put around it.

What is taken off is packaging alone (tags, code fences, an echo of the old prompt). The rewrite itself is never
touched: a broken placeholder stays broken, and the guards refuse it.
"""

from __future__ import annotations

import re

from pmpo.optim.types import Completion
from pmpo.text.overlap import normalised

STOP = "</prompt>"
_OPEN = re.compile(r"<\s*prompt\s*>", re.IGNORECASE)
_CLOSE = re.compile(r"<\s*/\s*prompt\s*>", re.IGNORECASE)
_FENCE_LINE = re.compile(r"```[\w+-]*[ \t]*(?:\n|\Z)")
_FENCE = "```"


def parse_rewrite(text: str, current: str = "") -> str | None:
    """The rewrite between a pair of prompt tags, stripped; None when no pair holds one.

    Tags may be in any case and may be repeated: of several opening tags the last before a closing one counts. Of
    several pairs the first that is not ``current`` counts (models echo the old prompt before the new one); when all
    are, ``current`` comes back, for the guard against duplicates to refuse. A code fence around the whole rewrite is
    taken off, unless ``current`` begins with one itself.

    Args:
        text: what the model wrote.
        current: the prompt that it was asked to rewrite.
    """
    found = [unfenced(piece, current) for piece in _between_tags(text)]
    rewrites = [rewrite for rewrite in found if rewrite]
    fresh = (rewrite for rewrite in rewrites if normalised(rewrite) != normalised(current))
    return next(fresh, rewrites[0] if rewrites else None)


def read_rewrite(completion: Completion, current: str = "") -> str | None:
    """The rewrite in a completion; one that ended by the stop text, which servers leave out, counts as closed."""
    text = completion.text
    if completion.finish_reason == "stop" and _is_open(text):
        text += STOP
    return parse_rewrite(text, current)


def _between_tags(text: str) -> list[str]:
    """What stands before each closing tag, from the last opening tag before it."""
    pieces, start = [], 0
    for close in _CLOSE.finditer(text):
        openings = list(_OPEN.finditer(text, start, close.start()))
        if openings:
            pieces.append(text[openings[-1].end() : close.start()])
        start = close.end()
    return pieces


def _is_open(text: str) -> bool:
    """Whether an opening tag comes after the last closing one."""
    closings = list(_CLOSE.finditer(text))
    return _OPEN.search(text, closings[-1].end() if closings else 0) is not None


def unfenced(piece: str, current: str = "") -> str:
    """``piece`` stripped, without the code fence that opens it (and closes it, unless a tag cut that off).

    A piece of which the fence is only a part stays as it is, and so does any while ``current`` begins with a fence.
    """
    stripped = piece.strip()
    opening = _FENCE_LINE.match(stripped)
    if opening is None or current.lstrip().startswith(_FENCE):
        return stripped
    inner = stripped[opening.end() :]
    is_closed = inner.rstrip().endswith(_FENCE)
    body = inner.rstrip().removesuffix(_FENCE) if is_closed else inner
    return stripped if _FENCE in body else body.strip()
