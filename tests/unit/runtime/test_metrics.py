from __future__ import annotations

import pytest

from pmpo.runtime.metrics import ScorerMetrics


def test_what_happened_stands_in_the_text() -> None:
    metrics = ScorerMetrics()
    metrics.request_ended("/v1/score", 200, 0.02)
    metrics.problem_answered("overloaded")
    metrics.stages_ended("/v1/score", {"tokenize": 0.001, "queue": 0.5})
    metrics.scored(100, 40)
    metrics.generated(7)
    metrics.round_ended(5, 60, 30, 0.2)
    metrics.turn_ended(3, 0.01)
    lines = metrics.text().decode().splitlines()
    for line in (
        'pmpo_scorer_requests_total{route="/v1/score",status="200"} 1.0',
        'pmpo_scorer_errors_total{code="overloaded"} 1.0',
        'pmpo_scorer_stage_seconds_sum{route="/v1/score",stage="queue"} 0.5',
        "pmpo_scorer_scored_tokens_total 100.0",
        "pmpo_scorer_cached_tokens_total 40.0",
        "pmpo_scorer_computed_tokens_total 30.0",
        "pmpo_scorer_generated_tokens_total 7.0",
        "pmpo_scorer_round_items_sum 5.0",
        "pmpo_scorer_turn_rows_sum 3.0",
    ):
        assert line in lines


def test_watched_numbers_are_asked_for_when_the_metrics_are_read() -> None:
    metrics, values = ScorerMetrics(), [1.0, 2.0, 3.0, 4.0]
    metrics.watch_gauge("queue_tokens", "tokens", lambda: values.pop(0))
    metrics.watch_counter("memo_hits", "hits", lambda: 5.0)
    texts = [metrics.text().decode().splitlines() for _ in range(2)]
    assert "pmpo_scorer_queue_tokens 1.0" in texts[0]
    assert "pmpo_scorer_queue_tokens 2.0" in texts[1]
    assert "pmpo_scorer_memo_hits_total 5.0" in texts[1]
    with pytest.raises(ValueError, match="Duplicated"):
        metrics.watch_counter("memo_hits", "again", lambda: 0.0)


def test_two_processes_in_one_have_metrics_of_their_own() -> None:
    first, second = ScorerMetrics(), ScorerMetrics()
    first.generated(1)
    assert b"pmpo_scorer_generated_tokens_total 0.0" in second.text()
