"""Every answer is judged: never a defect, every refusal a problem document of one sentence, always in time."""

from __future__ import annotations

import json
import platform
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.strategies import SearchStrategy

from pmpo.contracts.problems import PROBLEM_MEDIA_TYPE, Problem
from pmpo.errors import PmpoError, error_classes

DEADLINE_S = 30.0  # for a hang, not for slowness
MAX_SENTENCE = 1_000
DEFECT_WORDS = ("Traceback", "object at 0x", "pydantic", "TypeError", "KeyError", "AttributeError", "ValueError")


class Tally:
    """What was tried, what came back, how long the slowest took, and what the processes held."""

    def __init__(self) -> None:
        self.cases: dict[str, Counter[str]] = defaultdict(Counter)
        self.slowest_s: dict[str, float] = defaultdict(float)
        self.memory: dict[str, dict[str, Any]] = {}

    def note(self, case: str, outcome: str, seconds: float) -> None:
        """One input was answered."""
        self.cases[case][outcome] += 1
        self.slowest_s[case] = max(self.slowest_s[case], seconds)

    def write(self, path: Path, *, seed: int) -> None:
        """The figures as JSON."""
        figures = {
            "seed": seed,
            "machine": {"python": platform.python_version(), "system": platform.platform()},
            "num_inputs": sum(sum(counts.values()) for counts in self.cases.values()),
            "outcomes": {case: dict(sorted(counts.items())) for case, counts in sorted(self.cases.items())},
            "slowest_s": {case: round(seconds, 3) for case, seconds in sorted(self.slowest_s.items())},
            "memory_mib": self.memory,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def judge(answer: httpx.Response) -> None:
    """No defect, and every refusal a problem document that says in one sentence what is wrong."""
    assert answer.status_code < 500, f"{answer.request.method} {answer.request.url}: {answer.text[:2000]}"
    if answer.status_code < 400:
        return
    assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE, answer.text[:500]
    problem = Problem.model_validate_json(answer.content)
    assert problem.status == answer.status_code
    assert problem.request_id == answer.headers["x-request-id"]
    assert problem.retryable == (problem.status in (429, 503))
    check_sentence(problem.detail)


def check_sentence(text: str) -> None:
    """One sentence of bounded length, on one line, about what was sent and not about our insides."""
    assert 0 < len(text) <= MAX_SENTENCE, f"{len(text)} characters: {text[:300]}"
    assert not any(ord(character) < 32 or ord(character) == 127 for character in text), repr(text[:300])
    assert not any(word in text for word in DEFECT_WORDS), text[:300]


def check_error(error: PmpoError) -> None:
    """What a library function may raise: the caller's mistake, told as such."""
    assert error.code in error_classes()
    assert error.status in (413, 422), error
    check_sentence(error.message)


def for_each(strategy: SearchStrategy[Any], num_inputs: int, seed: int, check: Callable[[Any], None]) -> None:
    """Check so many inputs, the same ones for the same seed. The first failure is shrunk and raised."""

    @seeded(seed)
    @settings(
        max_examples=num_inputs,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
    )
    @given(strategy)
    def each(made: Any) -> None:
        check(made)

    each()


def timed(tally: Tally, case: str, call: Callable[[], str]) -> None:
    """Note how a call ended and how long it took; one that hangs is a failure."""
    started_at = time.monotonic()
    outcome = call()
    seconds = time.monotonic() - started_at
    assert seconds < DEADLINE_S, f"{case} took {seconds:.1f} s"
    tally.note(case, outcome, seconds)
