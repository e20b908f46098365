"""The bundled job: data that training never saw, and a prompt that says nothing about it."""

import json
from statistics import fmean

import yaml

from nano_training.examples import JOBS, NUM_ROWS, draw_rows
from nano_training.kinds.all import is_held_out
from nano_training.paths import REPOSITORY_DIR
from nano_training.scoring import Scorer

EXAMPLES = REPOSITORY_DIR / "examples"


def rows_of(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (EXAMPLES / "data" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_data_is_what_the_generator_writes() -> None:
    for name, goal in JOBS.items():
        assert rows_of(name) == list(draw_rows(name, goal, NUM_ROWS))


def test_the_data_is_held_out_of_training() -> None:
    for name in JOBS:
        rows = rows_of(name)
        assert len({row["input"] for row in rows}) == NUM_ROWS
        assert all(is_held_out(row["input"]) for row in rows)


def test_a_clear_prompt_solves_the_bundled_job_and_its_own_does_not(nano: Scorer) -> None:
    job = yaml.safe_load((EXAMPLES / "review-city.yaml").read_text(encoding="utf-8"))
    rows = rows_of("review-city")

    def exact_and_nats(prompt: str) -> tuple[float, float]:
        cases = [([("system", prompt), ("user", row["input"])], row["target"]) for row in rows]
        scores = nano.score(cases)
        return fmean(score.is_exact for score in scores), fmean(score.nats for score in scores)

    vague_exact, vague_nats = exact_and_nats(job["prompt"])
    clear = "Extract the city. Put the answer in square brackets. Start the reply with 'Answer:'. Use capital letters."
    clear_exact, clear_nats = exact_and_nats(clear)
    assert vague_exact < 0.2
    assert vague_nats > 0.7
    assert clear_exact >= 0.8
    assert clear_nats < 0.25
