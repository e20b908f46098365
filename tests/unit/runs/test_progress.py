from __future__ import annotations

from pmpo.contracts.jobs import Progress
from pmpo.optim import events as ev
from pmpo.runs.progress import advance, best_prompt_after

SEED, BETTER = ev.Candidate(0, "seed"), ev.Candidate(1, "better", 0, 3)
RESULT = ev.SearchResult(
    "patience", "untested", BETTER, SEED, 2, 1, 2.0, 0.9, 2.1, 1.0, None, ev.Spent(90, 80, 70, 6.0)
)
EVENTS: list[ev.Event] = [
    ev.SearchStarted(1, SEED, 5, 2, 0, 20, 2.0, 2.1, (2.0,) * 5, (0, 1, 2, 3, 4)),
    ev.IterationStarted(2, 1, 0, 2.0, ev.Spent(10, 9, 0, 1.0)),
    ev.CandidateProposed(3, 1, BETTER),
    ev.IncumbentAccepted(4, 1, BETTER, 1.5, 1.6),
    ev.IterationFinished(5, 1, True, 1.5, 1.6, ev.Spent(50, 40, 30, 2.0)),
    ev.SearchFinished(6, RESULT),
]


def test_progress_follows_the_events() -> None:
    seen = []
    progress = Progress()
    for event in EVENTS:
        progress = advance(progress, event)
        seen.append((progress.iteration, progress.train_loss, progress.validation_loss, progress.scored_tokens))
    assert seen == [
        (0, 2.0, 2.1, 0),
        (1, 2.0, 2.1, 10),
        (1, 2.0, 2.1, 10),
        (1, 1.5, 1.6, 10),
        (1, 1.5, 1.6, 50),
        (2, 0.9, 1.0, 90),
    ]
    assert progress == Progress(
        iteration=2,
        max_iterations=20,
        train_loss_before=2.0,
        train_loss=0.9,
        validation_loss=1.0,
        scored_tokens=90,
        computed_tokens=80,
        generated_tokens=70,
        seconds=6.0,
    )


def test_what_moves_nothing_changes_nothing() -> None:
    progress = Progress(iteration=3)
    assert advance(progress, EVENTS[2]) is progress


def test_the_best_prompt_is_named_when_it_changes() -> None:
    assert [best_prompt_after(event) for event in EVENTS] == ["seed", None, None, "better", None, "better"]


def test_a_restart_moves_the_losses_and_not_the_best_prompt() -> None:
    restarted = ev.SearchRestarted(7, 3, 1, 1, ev.Candidate(2, "other", 0, 3), 1.8, 1.9)
    beaten = ev.IncumbentAccepted(8, 4, ev.Candidate(3, "still worse", 2, 3), 1.7, 1.8, is_best=False)
    progress = advance(advance(Progress(), restarted), beaten)
    assert (progress.train_loss, progress.validation_loss) == (1.7, 1.8)
    assert [best_prompt_after(event) for event in (restarted, beaten)] == [None, None]
