"""From events to progress, and from progress to the screen."""

from __future__ import annotations

import io
from types import ModuleType

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pmpo.cli.live import LiveBlock, PlainLines, Silence, display_for
from pmpo.cli.progress import JobProgress, sparkline
from pmpo.contracts.jobs import EventView


def events(double: ModuleType) -> list[EventView]:
    api = double.ApiDouble()
    return list(api.events[api.add_job()])


def test_progress_follows_the_events(double: ModuleType) -> None:
    progress = JobProgress()
    for event in events(double):
        progress.apply(event)
    assert (progress.iteration, progress.max_iterations, progress.num_accepted) == (3, 20, 2)
    assert progress.loss_before == 2.134
    assert progress.loss_now == 2.134 / 16
    assert (progress.scored_tokens, progress.generated_tokens, progress.seconds) == (123_000, 2_100, 4.5)
    assert progress.rejected == {"duplicate": 3, "selection": 3}
    assert progress.last_number == 14


def test_kinds_of_tomorrow_are_passed_over() -> None:
    progress = JobProgress()
    progress.apply(EventView(number=7, kind="something_new", data={}))
    assert progress == JobProgress(last_number=7)


@given(values=st.lists(st.floats(0, 1e6), max_size=40))
def test_a_sparkline_has_a_bar_for_each_of_the_last_values(values: list[float]) -> None:
    line = sparkline(values)
    assert len(line) == (min(len(values), 12) if len(values) > 1 else 0)


def test_a_falling_loss_falls() -> None:
    assert sparkline([2.0, 1.5, 1.0, 0.0]) == "█▆▅▁"
    assert sparkline([1.0, 1.0]) == "▁▁"


def test_plain_lines_are_one_per_round(double: ModuleType) -> None:
    console = Console(file=io.StringIO(), width=40)
    display = display_for(console)
    assert isinstance(display, PlainLines)
    show(display, double)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 4
    assert lines[1].startswith("iteration 1/20: train loss 0.533 (at the start 2.134), validation loss 0.543, a better")


def test_a_terminal_gets_a_line_for_every_better_prompt(double: ModuleType) -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, record=True)
    display = display_for(console)
    assert isinstance(display, LiveBlock)
    show(display, double)
    text = console.export_text()
    assert "start      train loss 2.134" in text
    assert "round 3    train loss 0.133   a better prompt" in text
    assert "round 2    train loss" not in text


def test_an_evaluation_counts_prompts_and_tells_each_ones_numbers() -> None:
    spent = {"scored_tokens": 90, "computed_tokens": 80, "generated_tokens": 7, "seconds": 1.5, "money": None}
    data = {"place": 1, "num_prompts": 2, "loss": 0.5, "standard_error": 0.125, "accuracy": 0.75, "preferred": None}
    event = EventView(number=1, kind="prompt_evaluated", data={**data, "spent": spent})
    for is_terminal, expected in (
        (False, "prompt 1/2: loss 0.500 ± 0.125, accuracy 75 %"),
        (True, "prompt 1/2 loss 0.5"),
    ):
        console, progress = (
            Console(file=io.StringIO(), width=80, force_terminal=is_terminal, record=True),
            JobProgress(),
        )
        with display_for(console) as display:
            progress.apply(event)
            display.show(event, progress)
        text = console.export_text()
        assert expected in " ".join(text.split())
        assert "round" not in text and "rejected" not in text
    assert (progress.iteration, progress.max_iterations, progress.scored_tokens) == (1, 2, 90)


def test_programs_get_silence() -> None:
    assert isinstance(display_for(None), Silence)


def show(display: PlainLines | LiveBlock, double: ModuleType) -> None:
    progress = JobProgress()
    with display:
        for event in events(double):
            progress.apply(event)
            display.show(event, progress)
