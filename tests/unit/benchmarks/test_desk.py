import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict, replace

import pytest

from benchmarks.optimizing.packaged import PACKAGES, package_versions
from benchmarks.optimizing.packages.desk import Desk, Task
from benchmarks.optimizing.priced import CapReachedError
from pmpo.testing.ports import ScriptedGenerator
from tests.unit.benchmarks.test_priced import priced
from tests.unit.benchmarks.test_trials import DATA, PHRASES, ROWS, FakeEngine

ASKED = {
    "prompt": DATA.prompt,
    "train": [asdict(row) for row in DATA.splits.train],
    "validation": [asdict(row) for row in DATA.splits.validation],
    "metric": "exact_match",
    "max_answer_tokens": 20,
    "seed": 3,
}


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def desk(loop: asyncio.Runner, cap_s: float = 100.0) -> Desk:
    return Desk(loop, priced(cap_s), Task.read(json.loads(json.dumps(ASKED))))


def test_a_task_survives_the_way_through_json() -> None:
    assert Task.read(json.loads(json.dumps(ASKED))).train == DATA.splits.train


def test_every_prompt_is_answered_for_the_example_beside_it(loop: asyncio.Runner) -> None:
    front = desk(loop)
    assert len(front.answers(["one", "two"], ROWS[:2])) == 2
    assert {turn for request in front.engine.memo for turn in (request.messages[0].content,)} == {"one", "two"}


def test_rewrites_come_from_the_shared_operator_with_another_seed_each_time(loop: asyncio.Runner) -> None:
    front = desk(loop)
    first, second = (front.rewrites([DATA.prompt], ROWS[:1]) for _ in range(2))
    assert any(phrase in first[0] for phrase in PHRASES)
    assert len({request.seed for request in front.engine.memo}) == 2
    assert second


def test_a_prompt_whose_rewrite_cannot_be_read_stays_as_it_is(loop: asyncio.Runner) -> None:
    engine = replace(priced(), engine=FakeEngine(writer=ScriptedGenerator(lambda request, index: "no tags here")))
    front = Desk(loop, engine, Task.read(ASKED))
    assert front.rewrites([DATA.prompt], ROWS[:1]) == [DATA.prompt]


def test_a_prompt_is_a_step_once_and_carries_what_was_spent(loop: asyncio.Runner) -> None:
    front = desk(loop)
    front.answers(["one"], ROWS[:1])
    front.stand_for("one")
    front.stand_for("one")
    steps = front.result()["steps"]
    assert [step["prompt"] for step in steps] == [DATA.prompt, "one"]
    assert steps[0]["seconds"] == 0.0 < steps[1]["seconds"]


def test_the_cap_ends_a_trial(loop: asyncio.Runner) -> None:
    front = desk(loop, cap_s=0.1)
    with pytest.raises(CapReachedError):
        front.answers(["one"], ROWS[:1])
    assert front.is_over()


def test_the_pins_name_a_version_of_every_package() -> None:
    assert package_versions().keys() == set(PACKAGES.values())
