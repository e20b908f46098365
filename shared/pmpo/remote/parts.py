"""One large question as several requests, and their answers as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from pmpo.optim.types import Example, Scores

T = TypeVar("T")
MAX_REQUEST_BYTES = 1_500_000
TEMPLATE_BYTES = 64

Part = tuple[range, range]  # of prompts, of examples


def parts_of(
    prompts: Sequence[str], examples: Sequence[Example], limit: int = MAX_REQUEST_BYTES
) -> Iterator[list[Part]]:
    """Bands of parts that cover every cell once: a band has some prompts and, part by part, all examples.

    A token is at least a byte, so ``limit`` bytes of text bound the tokens of a request, which the scorer limits. A
    cell has its prompt and its input once for each of its targets. A single cell above the limit is a request of its
    own.
    """
    prompt_bytes = [_num_bytes(prompt) + TEMPLATE_BYTES for prompt in prompts]
    num_targets = [len(example.targets) for example in examples]
    example_bytes = [_bytes_of(example) for example in examples]
    band_bytes = [sum(num_targets) * size + sum(example_bytes) for size in prompt_bytes]
    for rows in _ranges(band_bytes, limit):
        row_bytes = sum(prompt_bytes[row] for row in rows)
        sizes = [row_bytes * num + len(rows) * size for num, size in zip(num_targets, example_bytes, strict=True)]
        yield [(rows, columns) for columns in _ranges(sizes, limit)]


def joined(bands: Sequence[Sequence[Scores]]) -> Scores:
    """The answers of all parts, band by band, as the answer to the whole question."""
    answers = [answer for band in bands for answer in band]
    return replace(
        answers[0],
        log_likelihoods=tuple(
            row for band in bands for row in _side_by_side([answer.log_likelihoods for answer in band])
        ),
        num_tokens=tuple(row for band in bands for row in _side_by_side([answer.num_tokens for answer in band])),
        scored_tokens=sum(answer.scored_tokens for answer in answers),
        computed_tokens=sum(answer.computed_tokens for answer in answers),
    )


def _side_by_side(blocks: Sequence[tuple[tuple[T, ...], ...]]) -> Iterator[tuple[T, ...]]:
    for rows in zip(*blocks, strict=True):
        yield tuple(cell for row in rows for cell in row)


def _ranges(sizes: Sequence[int], limit: int) -> Iterator[range]:
    """Consecutive ranges whose sizes sum up to at most ``limit``, each as long as possible and at least one long."""
    start, total = 0, 0
    for place, size in enumerate(sizes):
        if place > start and total + size > limit:
            yield range(start, place)
            start, total = place, 0
        total += size
    yield range(start, len(sizes))


def _bytes_of(example: Example) -> int:
    """Its targets, and what stands before each of them."""
    context = sum(map(_num_bytes, (example.input, *example.fields.values(), example.answer_prefix)))
    return context * len(example.targets) + sum(map(_num_bytes, example.targets))


def _num_bytes(text: str) -> int:
    return len(text.encode(errors="replace"))
