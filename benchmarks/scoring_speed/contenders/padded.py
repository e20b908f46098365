"""transformers as most people use it: sequences sorted by length and padded, one forward pass a batch.

Variants: ``full`` takes the logits of every position, padded on the right (a causal model needs no mask then);
``kept`` asks for those of the targets with ``logits_to_keep``, padded on the left so that targets end together. It
gives positions: for a plain number transformers slices the hidden states, and torch on a CPU multiplies such a view by
a copy of the head for each sequence (9 GiB at the peak for 32 sequences of the 0.5B shape, against 0.8 for 16);
``one_by_one`` is the reference: full logits of one sequence at a time, log-softmax in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from transformers import PreTrainedModel

from benchmarks.scoring_speed.contenders.loaded import PACKAGES, load, size_of
from benchmarks.scoring_speed.contenders.serving import Loading, Scored, from_tokens, serve
from benchmarks.scoring_speed.shapes import Item

MAX_LOGIT_BYTES = {"cpu": 2**30, "cuda": 8 * 2**30}  # of a batch, in float32


class Padded:
    """Scores padded batches."""

    packages = PACKAGES

    def __init__(self, model: PreTrainedModel, loading: Loading) -> None:
        self._model = model
        self._batch_tokens = loading.batch_tokens
        vocabulary = model.get_output_embeddings().weight.shape[0]
        self._max_logit_rows = MAX_LOGIT_BYTES[loading.device] // (4 * vocabulary)

    def size(self) -> Mapping[str, int]:
        """See ``Contender``."""
        return size_of(self._model)

    def score(self, variant: str, items: Sequence[Item]) -> Scored:
        """See ``Contender``."""
        run, head_rows = VARIANTS[variant]
        found: list[list[float]] = [[]] * len(items)
        with torch.inference_mode():
            for places in self._batches(items, head_rows):
                values = run(self._model, [items[place] for place in places])
                for place, row in zip(places, values, strict=True):
                    found[place] = row
        return from_tokens(found)

    def _batches(self, items: Sequence[Item], head_rows: Callable[[Item], int]) -> Iterator[list[int]]:
        """Places, longest sequences first, as many a batch as tokens and logits allow."""
        waiting = sorted(range(len(items)), key=lambda place: -sum(map(len, items[place])))
        while waiting:
            rows = max(head_rows(items[place]) for place in waiting)
            longest = sum(map(len, items[waiting[0]]))
            room = min(self._batch_tokens // longest, self._max_logit_rows // rows)
            if head_rows is _all_alone:
                room = 1
            yield waiting[: max(room, 1)]
            waiting = waiting[max(room, 1) :]


def _full(model: PreTrainedModel, items: Sequence[Item]) -> list[list[float]]:
    ids = _padded([context + target for context, target in items], model, on_the_left=False)
    logits = model(input_ids=ids, use_cache=False).logits  # (sequences, longest, vocabulary)
    return _gathered(
        [logits[row, len(context) - 1 : len(context) + len(target) - 1] for row, (context, target) in enumerate(items)],
        items,
    )


def _kept(model: PreTrainedModel, items: Sequence[Item]) -> list[list[float]]:
    sequences = [context + target for context, target in items]
    ids = _padded(sequences, model, on_the_left=True)
    lengths = torch.tensor([len(sequence) for sequence in sequences], device=ids.device)
    where = {}
    if len(set(map(len, sequences))) > 1:
        first = ids.shape[1] - lengths  # (sequences,)
        positions = torch.arange(ids.shape[1], device=ids.device)[None] - first[:, None]
        where = {"attention_mask": (positions >= 0).long(), "position_ids": positions.clamp(min=0)}
    kept = torch.arange(ids.shape[1] - _most_rows(items), ids.shape[1], device=ids.device)
    logits = model(input_ids=ids, use_cache=False, logits_to_keep=kept, **where).logits
    return _gathered([logits[row, -len(target) - 1 : -1] for row, (_, target) in enumerate(items)], items)


def _most_rows(items: Sequence[Item]) -> int:
    return max(map(_of_target, items))


def _padded(sequences: Sequence[tuple[int, ...]], model: PreTrainedModel, *, on_the_left: bool) -> torch.Tensor:
    longest = max(map(len, sequences))
    fill = [sequence[-1:] * (longest - len(sequence)) for sequence in sequences]
    rows = [pad + row if on_the_left else row + pad for row, pad in zip(sequences, fill, strict=True)]
    return torch.tensor(rows, device=model.device)


def _gathered(rows: Sequence[torch.Tensor], items: Sequence[Item]) -> list[list[float]]:
    """``log_softmax(logits)[target]`` in float32; each of ``rows`` is (target tokens, vocabulary)."""
    found = []
    for logits, (_, target) in zip(rows, items, strict=True):
        ids = torch.tensor(target, device=logits.device)[:, None]
        found.append(logits.float().log_softmax(-1).gather(1, ids)[:, 0])
    values = torch.cat(found).tolist()
    ends = torch.tensor([len(target) for _, target in items]).cumsum(0).tolist()
    return [values[end - len(target) : end] for end, (_, target) in zip(ends, items, strict=True)]


def _all(item: Item) -> int:
    return sum(map(len, item))


def _all_alone(item: Item) -> int:
    return sum(map(len, item))


def _of_target(item: Item) -> int:
    return len(item[1]) + 1


VARIANTS: dict[str, tuple[Callable[[PreTrainedModel, Sequence[Item]], list[list[float]]], Callable[[Item], int]]] = {
    "full": (_full, _all),
    "kept": (_kept, _of_target),
    "one_by_one": (_full, _all_alone),
}


def open_contender(loading: Loading) -> Padded:
    """Loaded."""
    return Padded(load(loading), loading)


if __name__ == "__main__":
    serve(open_contender)
