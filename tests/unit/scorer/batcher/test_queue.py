"""Turns: nothing is lost, order is kept within a job, and no job waits for the tokens of another."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import cycle

from hypothesis import given
from hypothesis import strategies as st

from services.scorer.batcher.queue import FairQueue

QUANTUM = 10
MAX_COST = 25
JOBS = "abcd"
MAX_WAITING = 12


@dataclass(eq=False)
class Pieces:
    """A request of some pieces."""

    job: str
    costs: list[int]
    position: int = 0
    is_over: bool = False

    @property
    def is_taken(self) -> bool:
        return self.is_over or self.position >= len(self.costs)

    @property
    def next_cost(self) -> int:
        return self.costs[self.position]


requests = st.builds(Pieces, st.sampled_from(JOBS), st.lists(st.integers(1, MAX_COST), min_size=1, max_size=30))


def take(queue: FairQueue[Pieces]) -> tuple[Pieces, int] | None:
    """The next piece and its cost, charged."""
    work = queue.head()
    if work is None:
        return None
    cost = work.next_cost
    queue.charge(work, cost)
    work.position += 1
    return work, cost


@given(st.lists(requests, max_size=12))
def test_every_piece_comes_once_and_in_the_order_of_its_request(works: list[Pieces]) -> None:
    queue: FairQueue[Pieces] = FairQueue(QUANTUM)
    for work in works:
        queue.put(work)
    found: dict[Pieces, list[int]] = {work: [] for work in works}
    while (piece := take(queue)) is not None:
        found[piece[0]].append(piece[1])
    assert found == {work: work.costs for work in works}
    assert queue.num_jobs == 0


@given(st.lists(st.lists(st.integers(1, 25), min_size=80, max_size=120), min_size=2, max_size=4))
def test_jobs_that_wait_get_as_many_tokens_as_one_another(costs: list[list[int]]) -> None:
    queue: FairQueue[Pieces] = FairQueue(QUANTUM)
    for number, each in enumerate(costs):
        queue.put(Pieces(str(number), each))
    got: Counter[str] = Counter()
    while queue.num_jobs == len(costs) and (piece := take(queue)) is not None:
        work, cost = piece
        got[work.job] += cost
        if not work.is_taken:
            shares = [got[str(number)] for number in range(len(costs))]
            assert max(shares) - min(shares) <= 2 * (QUANTUM + 25)


@given(st.integers(0, 60), st.lists(st.integers(1, 25), min_size=1, max_size=5))
def test_a_newcomer_waits_for_one_turn_of_each_job_at_most(num_before: int, costs: list[int]) -> None:
    queue: FairQueue[Pieces] = FairQueue(QUANTUM)
    for job in ("a", "b"):
        for _ in range(10):
            queue.put(Pieces(job, [5] * 100))
    for _ in range(num_before):
        take(queue)
    queue.put(newcomer := Pieces("new", costs))
    waited: Counter[str] = Counter()
    while newcomer.position == 0 and (piece := take(queue)) is not None:
        waited[piece[0].job] += piece[1]
    turns_until_paid = -(-costs[0] // QUANTUM)
    for job in ("a", "b"):
        assert waited[job] <= (1 + turns_until_paid) * QUANTUM + 5


@given(
    st.lists(requests, max_size=MAX_WAITING - 1),
    st.builds(Pieces, st.sampled_from(JOBS), st.lists(st.integers(1, MAX_COST), min_size=1, max_size=3)),
    st.lists(st.tuples(st.sampled_from(JOBS), st.integers(1, MAX_COST)), min_size=1, max_size=8),
)
def test_the_oldest_is_taken_however_many_come_after_it(
    before: list[Pieces], oldest: Pieces, stream: list[tuple[str, int]]
) -> None:
    """Somebody new comes for everybody who leaves, for ever; the bound knows only how many wait at a time."""
    queue: FairQueue[Pieces] = FairQueue(QUANTUM)
    newcomers = (Pieces(job, [cost] * 3) for job, cost in cycle(stream))
    waiting = [*before, oldest]
    for work in waiting:
        queue.put(work)
    turns_to_pay = 1 - (-MAX_COST // QUANTUM)
    turns_of_all = len(JOBS) * MAX_WAITING * turns_to_pay
    left = (QUANTUM + MAX_COST) * turns_of_all * len(oldest.costs)
    while not oldest.is_taken:
        piece = take(queue)
        assert piece is not None
        left -= piece[1]
        assert left >= 0
        waiting = [work for work in waiting if not work.is_taken]
        if len(waiting) < MAX_WAITING:
            waiting.append(next(newcomers))
            queue.put(waiting[-1])


def test_who_saves_for_a_large_piece_is_not_passed_by_small_ones_of_its_job() -> None:
    queue: FairQueue[Pieces] = FairQueue(QUANTUM)
    large, small = Pieces("a", [3 * QUANTUM] * 2), Pieces("a", [5] * 100)
    queue.put(large)
    queue.put(small)
    taken = [piece[0] for _ in range(10) if (piece := take(queue)) is not None]
    assert taken.index(large) == 0
    assert large in taken[1:]


def test_requests_of_one_job_take_turns_too() -> None:
    queue: FairQueue[Pieces] = FairQueue(QUANTUM)
    large, small = Pieces("a", [5] * 1_000), Pieces("a", [5])
    queue.put(large)
    queue.put(small)
    for _ in range(3):
        take(queue)
    assert (large.position, small.position) == (2, 1)


def test_what_nobody_waits_for_is_dropped_and_costs_no_turn() -> None:
    queue: FairQueue[Pieces] = FairQueue(QUANTUM)
    gone, stays = Pieces("a", [5] * 10), Pieces("b", [5])
    queue.put(gone)
    queue.put(stays)
    gone.is_over = True
    assert queue.head() is stays
    assert queue.num_jobs == 1


def test_put_back_does_not_stand_twice_in_line() -> None:
    queue: FairQueue[Pieces] = FairQueue(QUANTUM)
    work = Pieces("a", [5, 5, 5])
    queue.put(work)
    take(queue)
    work.position = 0
    queue.put_back(work)
    assert queue.drain() == [work]
    queue.put_back(work)
    assert queue.drain() == [work]
    assert queue.num_jobs == 0
