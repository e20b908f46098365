"""Where an answer ends: before its last token when that ends the turn, and before the first stop text."""

from __future__ import annotations

from collections.abc import Sequence, Set

from services.scorer.rendering.codec import TextCodec


def stop_place(text: str, stops: Sequence[str]) -> int | None:
    """Where the first stop text begins; None where there is none."""
    return min((place for place in (text.find(stop) for stop in stops) if place >= 0), default=None)


def answer_text(codec: TextCodec, ids: Sequence[int], end_ids: Set[int], stops: Sequence[str]) -> str:
    """The text of a whole answer's ids, without what ends it."""
    text = codec.decode(ids[:-1] if ids and ids[-1] in end_ids else ids)
    return text[: stop_place(text, stops)]
