"""Evaluation: everything, or upper confidence bounds over mini-batches."""

from collections import defaultdict

from pmpo.baselines.ape import Ape
from pmpo.baselines.evaluation import Ucb
from pmpo.optim import events
from tests.unit.baselines.world import SPLITS, World, fates, of, run, spec


def varied(request, rng):
    start = rng.choice(["Sort the words.", "Use commas. Sort the words.", "Be kind.", "Be brief."])
    return f"<prompt>{start} Variant {rng.random()}.</prompt>"


async def one_round(evaluation, scoring="loss", population=12):
    world = World()
    world.rewriter.write = varied
    found = await run(world, Ape(population, evaluation), spec(scoring, iterations=1))
    return world, found


async def test_full_scores_everyone_on_every_example_in_one_event():
    for scoring in ("loss", "accuracy"):
        _, found = await one_round(None, scoring)
        rows = tuple(example.index for example in SPLITS.train)
        assert {(event.rung, event.indices) for event in of(events.CandidateScored, found)} == {(0, rows)}


async def test_a_bandit_never_scores_a_cell_twice_and_all_see_the_same_beginning():
    _, found = await one_round(Ucb())
    seen = defaultdict(list)
    for event in of(events.CandidateScored, found):
        assert event.rung == (len(seen[event.candidate_id]) + 4) // 5
        seen[event.candidate_id].extend(event.indices)
    longest = max(seen.values(), key=len)
    assert sorted(longest) == [example.index for example in SPLITS.train]
    assert all(rows == longest[: len(rows)] for rows in seen.values())
    assert min(map(len, seen.values())) == 5


async def test_a_bandit_spends_on_the_promising_and_only_a_complete_score_is_accepted():
    _, found = await one_round(Ucb(share=0.5, c=0.2))
    proposed, _, accepted = fates(found)
    cells = defaultdict(int)
    for event in of(events.CandidateScored, found):
        cells[event.candidate_id] += len(event.indices)
    good = [cells[number] for number, candidate in proposed.items() if "Sort" in candidate.prompt]
    bad = [cells[number] for number, candidate in proposed.items() if "Sort" not in candidate.prompt]
    assert sum(good) / len(good) > sum(bad) / len(bad)
    assert len(accepted) == 1
    assert cells[next(iter(accepted))] == len(SPLITS.train)


async def test_batches_larger_than_the_training_set_are_the_training_set():
    _, found = await one_round(Ucb(batch=500))
    assert {len(event.indices) for event in of(events.CandidateScored, found)} == {len(SPLITS.train)}
