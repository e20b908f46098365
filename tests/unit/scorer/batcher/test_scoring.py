"""Rounds, whatever comes and whenever: nothing is lost or taken twice, none is too large, and none is empty."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from services.scorer.batcher.items import ItemPreparer
from services.scorer.batcher.memo import ScoreMemo
from services.scorer.batcher.scoring import Round, Scoring
from services.scorer.batcher.work import ScoreWork, Stopwatch
from services.scorer.engines.base import ScoredItems, TokenItem
from tests.unit.scorer.batcher.machines import IDENTITY

QUANTUM = 10

ids = st.lists(st.integers(0, 1), min_size=1, max_size=15).map(tuple)
items = st.lists(st.builds(TokenItem, ids, ids), min_size=1, max_size=8)
requests = st.tuples(st.sampled_from("abc"), items)
# before each round: who comes; then how large it is, and how much of that is spared while another one runs
rounds = st.tuples(st.lists(requests, max_size=3), st.integers(1, 60), st.integers(0, 30))


def waiting(job: str, some: list[TokenItem]) -> ScoreWork:
    loop = asyncio.new_event_loop()
    future: asyncio.Future[ScoredItems] = loop.create_future()
    loop.close()
    return ScoreWork(job, future, Stopwatch(0.0), ItemPreparer(IDENTITY, remembers=False).prepare(some))


@settings(max_examples=150)
@given(st.lists(rounds, min_size=1, max_size=8), st.booleans())
def test_rounds_hold_everything_once_and_keep_their_size(
    arrivals: list[tuple[list[tuple[str, list[TokenItem]]], int, int]], is_deterministic: bool
) -> None:
    scoring = Scoring(QUANTUM, ScoreMemo(0), is_deterministic=is_deterministic)
    works: list[ScoreWork] = []
    taken: Counter[tuple[ScoreWork, int]] = Counter()
    for come, size, spared in [*arrivals, *[([], 20, 10)] * 200]:
        works += (new := [waiting(*request) for request in come])
        for work in new:
            scoring.put(work)
        round_ = Round(size)
        scoring.fill(round_, spared)
        scoring.fill(round_)
        places = [(part.work, index) for part in round_.parts for index in part.indices]
        assert bool(places) or not scoring.waits
        assert round_.num_tokens <= size or len(places) == 1
        assert round_.num_tokens == sum(sum(part.costs) for part in round_.parts)
        assert not is_deterministic or len(round_.parts) <= 1
        for part in round_.parts:
            assert part.indices == list(range(part.indices[0], part.indices[-1] + 1))  # in the request's order
        taken.update(places)
    assert taken == Counter((work, index) for work in works for index in range(len(work.found)))
