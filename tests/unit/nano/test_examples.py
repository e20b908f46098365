"""The bundled jobs: data that training never saw, and prompts that say nothing about it."""

import json
import random
from statistics import fmean
from typing import Any

import pytest
import yaml

from nano_training.example_rows import PairRows, Row, draw_rows
from nano_training.examples import JOBS, NUM_ROWS, POLITE_REPLY, example_rows
from nano_training.kinds.all import is_held_out
from nano_training.paths import REPOSITORY_DIR
from nano_training.scoring import Scorer
from nano_training.styles import is_held_out_combination

EXAMPLES = REPOSITORY_DIR / "examples"


def rows_of(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (EXAMPLES / "data" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def prompt_of(name: str) -> str:
    return str(yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))["prompt"])


@pytest.mark.parametrize("name", JOBS)
def test_the_data_is_what_the_generator_writes(name: str) -> None:
    assert rows_of(name) == list(example_rows(name))


@pytest.mark.parametrize("name", JOBS)
def test_the_data_is_held_out_of_training(name: str) -> None:
    rows = rows_of(name)
    assert len({row["input"] for row in rows}) == NUM_ROWS
    assert all(is_held_out(row["input"]) for row in rows)


def test_rejected_answers_are_wrong_malformed_and_impolite_in_turn() -> None:
    rows = rows_of("polite-reply")
    assert not is_held_out_combination(POLITE_REPLY.style)
    assert all(row["chosen"].startswith("With pleasure: ") and row["chosen"].endswith(".") for row in rows)
    assert all(row["chosen"] != row["rejected"] for row in rows)
    wrong, impolite = rows[0::3], rows[2::3]
    assert all(row["rejected"].startswith("With pleasure: ") and row["rejected"].endswith(".") for row in wrong)
    assert all(row["chosen"] == f"With pleasure: {row['rejected']}" for row in impolite)


def test_options_stand_in_the_input_or_classify_it_and_the_right_one_is_at_no_fixed_place() -> None:
    rows = rows_of("ticket-product")
    assert all(len(set(row["options"])) == 5 and row["answer"] in row["options"] for row in rows)
    assert len({row["options"].index(row["answer"]) for row in rows}) == 5


class Repeating:
    """Makes the same row every time."""

    kind = "echo"

    def draw(self, rng: random.Random, number: int) -> Row | None:
        return {"input": "again"} if rng.random() < 0.9 else None


def test_the_seed_decides_the_rows() -> None:
    maker = PairRows(POLITE_REPLY)
    rows = list(draw_rows(maker, "seed", 7))
    assert len(rows) == 7
    assert rows == list(draw_rows(maker, "seed", 7)) != list(draw_rows(maker, "other", 7))


def test_more_rows_than_there_are_inputs_are_refused() -> None:
    assert list(draw_rows(Repeating(), "seed", 1)) == [{"input": "again"}]
    with pytest.raises(ValueError, match="'echo' has fewer than 2 different held-out inputs"):
        list(draw_rows(Repeating(), "seed", 2))


def scores_of(nano: Scorer, prompt: str, texts: list[tuple[str, str]]) -> list[tuple[bool, float]]:
    """Whether greedy decoding gives each target, and its nats a token."""
    cases = [([("system", prompt), ("user", given)], target) for given, target in texts]
    return [(score.is_exact, score.nats) for score in nano.score(cases)]


def test_a_clear_prompt_solves_the_bundled_job_and_its_own_does_not(nano: Scorer) -> None:
    texts = [(row["input"], row["target"]) for row in rows_of("review-city")]
    vague = scores_of(nano, prompt_of("review-city"), texts)
    clear = scores_of(
        nano,
        "Extract the city. Put the answer in square brackets. Start the reply with 'Answer:'. Use capital letters.",
        texts,
    )
    assert fmean(exact for exact, _ in vague) < 0.2
    assert fmean(nats for _, nats in vague) > 0.7
    assert fmean(exact for exact, _ in clear) >= 0.8
    assert fmean(nats for _, nats in clear) < 0.25


def test_a_clear_prompt_prefers_the_chosen_answers(nano: Scorer) -> None:
    rows = rows_of("polite-reply")

    def share_won(prompt: str) -> float:
        sides = [
            [nats for _, nats in scores_of(nano, prompt, [(row["input"], row[side]) for row in rows])]
            for side in ("chosen", "rejected")
        ]
        return fmean(chosen < rejected for chosen, rejected in zip(*sides, strict=True))

    clear = share_won(
        "Name the product in the message. Be polite and start with 'With pleasure:'. Put the answer with a first "
        "capital. End the reply with a full stop."
    )
    assert clear >= 0.9
    assert share_won(prompt_of("polite-reply")) < clear
