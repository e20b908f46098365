"""Prompts as lists of pieces: what each sentence is for, how the pieces are laid out, where the placeholder stands."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nano_training.answers import Item
from nano_training.fillers import FILLERS, ROLES, VAGUE
from nano_training.kinds.all import KINDS

FILLER_SHARE = 0.5
ROLE_SHARE = 0.2
LIST_SHARE = 0.2
PLACEHOLDER_SHARE = 0.13
_SLOTS = ("{{input}}", "{{input}}", "{{input}}", "{{input}}", "{{ input }}", "{{text}}", "{{x}}")


@dataclass(frozen=True, slots=True)
class Piece:
    """One sentence and its purpose.

    Attributes:
        purpose: ``task`` or a dimension of the style for a requirement of the goal; ``wrong:`` and the same names for
            a sentence that asks for something else; role, filler, vague, plain, example or slot.
        text: the sentence.
    """

    purpose: str
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """Pieces in order, what stands between them, what stands before each, and the placeholder ('' for none)."""

    pieces: tuple[Piece, ...]
    separator: str = " "
    bullet: str = ""
    slot: str = ""

    @property
    def text(self) -> str:
        """The prompt as it is sent."""
        return self.separator.join(self._shown(piece) for piece in self.pieces)

    def with_pieces(self, pieces: Sequence[Piece]) -> Prompt:
        """Other pieces in the same layout."""
        return replace(self, pieces=tuple(pieces))

    def spans(self) -> list[tuple[Piece, int, int]]:
        """Each piece except the slot with its place in ``text`` (code points)."""
        found, position = [], 0
        for piece in self.pieces:
            end = position + len(self._shown(piece))
            if piece.purpose != "slot":
                found.append((piece, end - len(piece.text), end))
            position = end + len(self.separator)
        return found

    def messages(self, item: Item) -> list[tuple[str, str]]:
        """The turns before the first answer: system and user, or one filled-in user message."""
        if not self.slot:
            return [("system", self.text), ("user", item.text)]
        return [("user", self.filled(item))]

    def filled(self, item: Item) -> str:
        """The prompt with the input in the placeholder's place."""
        return self.text.replace(self.slot, item.text)

    def _shown(self, piece: Piece) -> str:
        return piece.text if piece.purpose in ("slot", "example") else self.bullet + piece.text


def build_prompt(
    rng: random.Random, core: Sequence[Piece], *, kind: str, num_fillers: int, slot: str | None = None
) -> Prompt:
    """Lay ``core`` out: perhaps a role, filler at random places, prose or a list, perhaps a placeholder.

    ``slot`` None draws whether there is a placeholder; '' forbids one; otherwise that placeholder is used.
    """
    pieces = list(core)
    for text in rng.sample(FILLERS, num_fillers):
        pieces.insert(rng.randint(0, len(pieces)), Piece("filler", text))
    if rng.random() < ROLE_SHARE:
        pieces.insert(0, Piece("role", rng.choice(ROLES)))
    if slot is None:
        slot = rng.choice(_SLOTS) if rng.random() < PLACEHOLDER_SHARE else ""
    if not pieces and not slot:
        pieces = [Piece("vague", rng.choice(VAGUE))]
    if slot:
        return _with_slot(rng, pieces, kind, slot)
    if len(pieces) > 1 and rng.random() < LIST_SHARE:
        return Prompt(tuple(pieces), "\n", rng.choice(("- ", "- ", "* ", "")))
    return Prompt(tuple(pieces))


def draw_num_fillers(rng: random.Random) -> int:
    """How many filler sentences: none in half of the prompts."""
    return rng.choice((1, 1, 2, 3)) if rng.random() < FILLER_SHARE else 0


def _with_slot(rng: random.Random, pieces: list[Piece], kind: str, slot: str) -> Prompt:
    label = rng.choice(KINDS[kind].labels)
    shown = Piece(
        "slot", rng.choice((f"{label}: {slot}", f"{label}: {slot}", f"Here is the {label.lower()}: {slot}", slot))
    )
    place = rng.choice(("first", "last", "last", "inside"))
    index = {"first": 0, "last": len(pieces), "inside": rng.randint(0, len(pieces))}[place]
    separator = rng.choice((" ", "\n", "\n\n")) if place != "inside" else " "
    pieces.insert(index, shown)
    return Prompt(tuple(pieces), separator, "", slot)
