"""Cells of the score cache: one prompt with one example, under a key of everything that decides its number.

That is: program version, model, revision, dtype, engine, arguments of the chat template, prompt, fields, targets, and
how the answer begins.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pmpo import __version__
from pmpo.contracts.scoring import TemplateValue
from pmpo.optim.types import Example, ModelIdentity

NAME_BYTES = 16


class Cell(NamedTuple):
    """Scores of one prompt with one example: by target, and the context plus target tokens of them all."""

    log_likelihoods: tuple[float, ...]
    num_tokens: tuple[int, ...]
    scored_tokens: int

    def encode(self) -> bytes:
        """Exact to a float's last bit."""
        num = len(self.num_tokens)
        return struct.pack(f"<I{num}d{num}I", self.scored_tokens, *self.log_likelihoods, *self.num_tokens)

    @classmethod
    def try_decode(cls, raw: bytes | None, num_targets: int) -> Cell | None:
        """The inverse of ``encode``; None for what is no cell of so many targets."""
        form = struct.Struct(f"<I{num_targets}d{num_targets}I")
        if raw is None or len(raw) != form.size:
            return None
        scored_tokens, *rest = form.unpack(raw)
        cell = cls(tuple(rest[:num_targets]), tuple(rest[num_targets:]), scored_tokens)
        return cell if all(map(math.isfinite, cell.log_likelihoods)) else None


@dataclass(frozen=True, slots=True)
class Keys:
    """Names of a question's cells: the group of each prompt, the name of each example in it."""

    groups: tuple[str, ...]
    names: tuple[bytes, ...]

    @classmethod
    def of(
        cls,
        identity: ModelIdentity,
        arguments: Mapping[str, TemplateValue],
        prompts: Sequence[str],
        examples: Sequence[Example],
    ) -> Keys:
        """For a model, arguments of its chat template, prompts and examples."""
        template = json.dumps(dict(arguments), sort_keys=True)
        model = (__version__, identity.model, identity.revision, identity.dtype, identity.engine, template)
        groups = tuple(_digest(*model, prompt).hex() for prompt in prompts)
        return cls(groups, tuple(map(name_of, examples)))


def name_of(example: Example) -> bytes:
    """Digest of an example, but for its weight and its place."""
    fields = sorted({**example.fields, "input": example.input}.items())
    return _digest(json.dumps([fields, example.targets, example.answer_prefix]))


def _digest(*parts: str) -> bytes:
    """Of several texts, apart from each other. JSON escapes what is no text (half a surrogate pair)."""
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=NAME_BYTES).digest()
