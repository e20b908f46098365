"""PMPO's own engine, called through its port, and the same engine with one of its savings kept from it.

What the port is given decides what can be saved, so an ablation needs no switch inside the engine:

- ``tree``: all items in one call.
- ``nothing_shared``: calls in which no two sequences begin with the same 16 tokens, so nothing is worth sharing.
- ``nothing_merged``: the k-th item of each input comes with the k-th call, so equal inputs are computed again.
- ``head_at_all_rows``: every token after the first is asked for; what was not wanted is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from transformers import PreTrainedModel

from benchmarks.scoring_speed.contenders.loaded import PACKAGES, load, size_of
from benchmarks.scoring_speed.contenders.serving import Loading, Scored, from_tokens, serve
from benchmarks.scoring_speed.shapes import Item
from services.scorer.engines.base import Engine, EngineIdentity, TokenItem
from services.scorer.engines.torch_tree import TorchTreeEngine

NUM_TELLING_TOKENS = 16


class Tree:
    """Scores through ``services.scorer.engines.base.Engine``."""

    packages = PACKAGES

    def __init__(self, model: PreTrainedModel, engine: Engine) -> None:
        self._model = model
        self._engine = engine

    def size(self) -> Mapping[str, int]:
        """See ``Contender``."""
        return size_of(self._model)

    def score(self, variant: str, items: Sequence[Item]) -> Scored:
        """See ``Contender``."""
        found: list[list[float]] = [[]] * len(items)
        computed = 0
        for call in CALLS[variant](items):
            scored = self._engine.score([TokenItem(context, target) for _, (context, target) in call])
            computed += sum(scored.computed_tokens)
            for (place, _), values in zip(call, scored.token_log_likelihoods, strict=True):
                found[place] = values.tolist()[-len(items[place][1]) :]
        return from_tokens(found, computed)


Call = list[tuple[int, Item]]


def _all_at_once(items: Sequence[Item]) -> Iterator[Call]:
    yield list(enumerate(items))


def _nothing_shared(items: Sequence[Item]) -> Iterator[Call]:
    return _kth_of_each(items, lambda item: sum(item, ())[:NUM_TELLING_TOKENS])


def _nothing_merged(items: Sequence[Item]) -> Iterator[Call]:
    return _kth_of_each(items, lambda item: sum(item, ())[:-1])


def _every_row(items: Sequence[Item]) -> Iterator[Call]:
    yield [(place, (context[:1], context[1:] + target)) for place, (context, target) in enumerate(items)]


def _kth_of_each(items: Sequence[Item], key: Callable[[Item], tuple[int, ...]]) -> Iterator[Call]:
    """Calls in which every key comes once: the first item of each key, then the second of each, and so on."""
    calls: list[Call] = []
    seen: dict[tuple[int, ...], int] = {}
    for place, item in enumerate(items):
        turn = seen.setdefault(key(item), 0)
        seen[key(item)] += 1
        if turn == len(calls):
            calls.append([])
        calls[turn].append((place, item))
    yield from calls


CALLS: dict[str, Callable[[Sequence[Item]], Iterator[Call]]] = {
    "tree": _all_at_once,
    "nothing_shared": _nothing_shared,
    "nothing_merged": _nothing_merged,
    "head_at_all_rows": _every_row,
}


def open_contender(loading: Loading) -> Tree:
    """Loaded, and checked by the engine itself."""
    model = load(loading)
    identity = EngineIdentity(
        model="benchmark",
        revision="",
        dtype=loading.dtype,
        engine="torch_tree",
        mode="",
        num_parameters=int(model.num_parameters()),
        context_length=int(model.config.get_text_config().max_position_embeddings),
    )
    engine = TorchTreeEngine(model, identity, loading.batch_tokens)
    engine.self_check()
    return Tree(model, engine)


if __name__ == "__main__":
    serve(open_contender)
