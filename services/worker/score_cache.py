"""The shared score cache: what any job has scored with a model before is not sent to the scorer again.

A cell is one prompt with one example. Cells that are not known are scored as one rectangle, the rows times the columns
of all of them::

             0  1  2  3
    prompt 0 .  .  .  .      . known      x not known, scored
    prompt 1 x  x  o  .      o known, scored again: one request that shares its prompts beats many
    prompt 2 x  o  x  .

A deterministic scorer is never answered for: its numbers depend on the request that they were computed in, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from pmpo.contracts.scoring import TemplateValue
from pmpo.errors import StoreUnavailableError
from pmpo.optim.several import IdentifiedScorer
from pmpo.optim.types import Example, ModelIdentity, Scores
from pmpo.remote.answers import ServedModel
from pmpo.runtime.endpoints import Endpoint
from pmpo.runtime.logs import get_logger
from services.worker.cells import Cell, Keys, name_of

log = get_logger()
MAX_COUNTS = 200_000  # of token counts that are remembered between a reservation and the score that follows it


class AskableScorer(IdentifiedScorer, Protocol):
    """A scorer that can be asked what it serves."""

    async def ask_model(self) -> ServedModel:
        """See ``pmpo.remote.scorer.ScorerClient``."""
        ...


class CellStore(Protocol):
    """Where cells are kept. See ``services.store.scores.SharedScores``."""

    async def find(self, names: Mapping[str, Sequence[bytes]]) -> dict[str, dict[bytes, bytes]]:
        """The entries that are there, by group and name."""
        ...

    async def keep(self, entries: Mapping[str, Mapping[bytes, bytes]]) -> None:
        """Add entries."""
        ...

    async def count(self, num_hits: int, num_misses: int) -> None:
        """Add to the counts of all jobs."""
        ...


class CachedScorer:
    """``inner`` with the shared cache before it. A cache that does not answer is done without.

    ``arguments``: what ``inner`` gives to the chat template.
    """

    def __init__(
        self, inner: AskableScorer, cells: CellStore, arguments: Mapping[str, TemplateValue] = MappingProxyType({})
    ) -> None:
        self._inner = inner
        self._cells = cells
        self._arguments = arguments
        self._served: ServedModel | None = None
        self._counts: dict[tuple[str, bytes], int] = {}

    @property
    def identity(self) -> ModelIdentity | None:
        """The inner scorer's."""
        return self._inner.identity

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The inner scorer's."""
        return await self._inner.count_tokens(texts)

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        """The inner scorer's; kept for ``score``."""
        counts = await self._inner.num_scored_tokens(prompts, examples)
        if len(self._counts) + len(prompts) * len(examples) > MAX_COUNTS:
            self._counts.clear()
        names = [name_of(example) for example in examples]
        for prompt, row in zip(prompts, counts, strict=True):
            self._counts.update({(prompt, name): number for name, number in zip(names, row, strict=True)})
        return counts

    async def score(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        """(C, N) as the inner scorer's; ``computed_tokens`` are those of the cells that were not known.

        Raises as ``pmpo.remote.scorer.ScorerClient.score``.
        """
        served = self._served = self._served or await self._inner.ask_model()
        if served.is_deterministic:
            return await self._inner.score(prompts, examples)
        keys = Keys.of(served.identity, self._arguments, prompts, examples)
        known = await self._find(keys, examples)
        rows = [c for c in range(len(prompts)) if any((c, n) not in known for n in range(len(examples)))]
        columns = [n for n in range(len(examples)) if any((c, n) not in known for c in rows)]
        num_misses = len(rows) * len(columns)
        await self._count(len(prompts) * len(examples) - num_misses, num_misses)
        if not rows:
            return _scores(prompts, examples, known, served.identity, 0)
        scored = await self._inner.score([prompts[c] for c in rows], [examples[n] for n in columns])
        found = await self._cells_of(scored, [prompts[c] for c in rows], [examples[n] for n in columns])
        if sum(cell.scored_tokens for cell in found.values()) != scored.scored_tokens:
            log.warning("score_cache_bypassed", reason="the scorer counts other tokens than it reports")
            return await self._inner.score(prompts, examples)
        fresh = {(rows[i], columns[j]): cell for (i, j), cell in found.items()}
        await self._keep(keys, {place: cell for place, cell in fresh.items() if place not in known})
        return _scores(prompts, examples, {**fresh, **known}, scored.identity, scored.computed_tokens)

    async def _cells_of(
        self, scored: Scores, prompts: Sequence[str], examples: Sequence[Example]
    ) -> dict[tuple[int, int], Cell]:
        """The cells of an answer, with the tokens of each."""
        names = [name_of(example) for example in examples]
        if any((prompt, name) not in self._counts for prompt in prompts for name in names):
            await self.num_scored_tokens(prompts, examples)
        return {
            (c, n): Cell(scored.log_likelihoods[c][n], scored.num_tokens[c][n], self._counts[prompts[c], names[n]])
            for c in range(len(prompts))
            for n in range(len(examples))
        }

    async def _find(self, keys: Keys, examples: Sequence[Example]) -> dict[tuple[int, int], Cell]:
        try:
            found = await self._cells.find(dict.fromkeys(keys.groups, keys.names))
        except StoreUnavailableError as error:
            log.warning("score_cache_not_read", reason=error.message)
            return {}
        cells = {
            (c, n): Cell.try_decode(found.get(group, {}).get(name), len(examples[n].targets))
            for c, group in enumerate(keys.groups)
            for n, name in enumerate(keys.names)
        }
        return {place: cell for place, cell in cells.items() if cell is not None}

    async def _keep(self, keys: Keys, cells: Mapping[tuple[int, int], Cell]) -> None:
        entries: dict[str, dict[bytes, bytes]] = {}
        for (c, n), cell in cells.items():
            entries.setdefault(keys.groups[c], {})[keys.names[n]] = cell.encode()
        try:
            await self._cells.keep(entries)
        except StoreUnavailableError as error:
            log.warning("score_cache_not_written", reason=error.message)

    async def _count(self, num_hits: int, num_misses: int) -> None:
        log.debug("score_cache", hits=num_hits, misses=num_misses)
        try:
            await self._cells.count(num_hits, num_misses)
        except StoreUnavailableError as error:
            log.warning("score_cache_not_counted", reason=error.message)


def connect_cached(
    connect: Callable[..., AskableScorer],
    cells: CellStore,
    row: Endpoint,
    *,
    key: str | None,
    identity: ModelIdentity | None,
    chat_template_kwargs: Mapping[str, TemplateValue],
) -> CachedScorer:
    """What ``connect`` makes for an endpoint, with the cache before it."""
    inner = connect(row, key=key, identity=identity, chat_template_kwargs=chat_template_kwargs)
    return CachedScorer(inner, cells, chat_template_kwargs)


def _scores(
    prompts: Sequence[str],
    examples: Sequence[Example],
    cells: Mapping[tuple[int, int], Cell],
    identity: ModelIdentity,
    computed_tokens: int,
) -> Scores:
    table = [[cells[c, n] for n in range(len(examples))] for c in range(len(prompts))]
    return Scores(
        log_likelihoods=tuple(tuple(cell.log_likelihoods for cell in row) for row in table),
        num_tokens=tuple(tuple(cell.num_tokens for cell in row) for row in table),
        scored_tokens=sum(cell.scored_tokens for row in table for cell in row),
        computed_tokens=computed_tokens,
        identity=identity,
    )
