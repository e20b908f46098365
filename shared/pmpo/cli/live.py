"""Progress on the screen: a live block on a terminal, plain lines elsewhere, nothing for programs."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from pmpo.cli import words
from pmpo.cli.progress import JobProgress, sparkline
from pmpo.contracts.jobs import EventView
from pmpo.contracts.sections import BudgetSpec

BAR_WIDTH = 24
GAIN = "a better prompt"
NO_BUDGET = BudgetSpec()


class Display(Protocol):
    """Shows a job's way to a person."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, event: EventView, progress: JobProgress) -> None:
        """One event has come, and ``progress`` knows of it."""

    def notice(self, sentence: str) -> None:
        """Something that is no event: a lost connection."""


def display_for(console: Console | None, gain: str = GAIN, budget: BudgetSpec = NO_BUDGET) -> Display:
    """What fits the console; silence for None.

    ``gain``: what a good round brings; ``budget``: what the job may use, shown beside what it used.
    """
    if console is None:
        return Silence()
    return LiveBlock(console, gain, budget) if console.is_terminal else PlainLines(console, gain, budget)


class Silence:
    """For programs."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to clean up."""

    def show(self, event: EventView, progress: JobProgress) -> None:
        """Say nothing."""

    def notice(self, sentence: str) -> None:
        """Say nothing."""


class PlainLines(Silence):
    """One line per round, for log files and CI."""

    def __init__(self, console: Console, gain: str = GAIN, budget: BudgetSpec = NO_BUDGET) -> None:
        self._console = console
        self._gain = gain
        self._budget = budget

    def show(self, event: EventView, progress: JobProgress) -> None:
        """Print the lines that the event is worth."""
        if event.kind == "search_started":
            self._line(f"start: train loss {words.loss(progress.loss_now)}, validation loss {_validation(progress)}")
        elif event.kind == "prompt_evaluated":
            self._line(f"prompt {progress.iteration}/{progress.max_iterations}: {words.measured(event.data)}")
        elif event.kind == "iteration_finished":
            self._line(
                f"iteration {progress.iteration}/{progress.max_iterations}: "
                f"train loss {words.loss(progress.loss_now)} (at the start {words.loss(progress.loss_before)}), "
                f"validation loss {_validation(progress)}, "
                f"{self._gain if progress.has_accepted else 'nothing better'}, "
                f"{_spent(progress, self._budget)}, {words.seconds(progress.seconds)}"
            )

    def notice(self, sentence: str) -> None:
        """Print it as it is."""
        self._line(sentence)

    def _line(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


class LiveBlock:
    """Three lines that are drawn again and again, and above them one line for every better prompt."""

    def __init__(self, console: Console, gain: str = GAIN, budget: BudgetSpec = NO_BUDGET) -> None:
        self._console = console
        self._gain = gain
        self._budget = budget
        self._progress = JobProgress()
        self._started_s = time.monotonic()
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(get_renderable=self._block, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, event: EventView, progress: JobProgress) -> None:
        """Draw what is new."""
        self._progress = progress
        if event.kind == "search_started":
            self._console.print(_row("start", f"train loss {words.loss(progress.loss_now)}", "your prompt"))
        elif event.kind == "prompt_evaluated":
            place = f"prompt {progress.iteration}/{progress.max_iterations}"
            self._console.print(_row(place, words.measured(event.data), ""))
        elif event.kind == "iteration_finished" and progress.has_accepted:
            line = _row(f"round {progress.iteration}", f"train loss {words.loss(progress.loss_now)}", self._gain)
            self._console.print(line)

    def notice(self, sentence: str) -> None:
        """Print it above the block."""
        self._console.print(Text(sentence, style="yellow"))

    def _block(self) -> RenderableType:
        progress = self._progress
        head = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=progress.max_iterations or None, completed=progress.iteration, width=BAR_WIDTH)
        head.add_row(self._spinner, _doing(progress), bar, _losses(progress))
        rejected = f"{words.counted(sum(progress.rejected.values()), 'prompt')} rejected, "
        if progress.steps != "round" or not progress.iteration:
            rejected = ""
        seconds = f"{time.monotonic() - self._started_s:.0f} s"
        left_s = progress.most_left_s(self._budget)
        left = "" if left_s is None else f", at most {words.duration(left_s)} left"
        spent = Text(f"  {_spent(progress, self._budget)}", style="dim")
        return Group(head, spent, Text(f"  {rejected}{seconds}{left}", style="dim"))


def _spent(progress: JobProgress, budget: BudgetSpec) -> str:
    """What was used, each beside its cap where it has one."""
    parts = [
        f"{words.of_cap(progress.scored_tokens, budget.scored_tokens)} tokens scored",
        f"{words.of_cap(progress.generated_tokens, budget.generated_tokens)} generated",
    ]
    if progress.money is not None:
        cap = "" if budget.money is None else f" of {budget.money:,.2f}"
        parts.append(f"{progress.money:,.4f}{cap} in money")
    return ", ".join(parts)


def _row(what: str, loss: str, remark: str) -> Text:
    return Text.assemble(("  ✓ ", "green"), f"{what:<10} ", (f"{loss}   ", "bold"), (remark, "dim"))


def _doing(progress: JobProgress) -> Text:
    if not progress.max_iterations:
        return Text("waiting for the first score")
    return Text(f"{progress.steps} {progress.iteration}/{progress.max_iterations}")


def _losses(progress: JobProgress) -> Text:
    if not progress.train_losses:
        return Text()
    losses = f"loss {words.loss(progress.loss_before)} → {words.loss(progress.loss_now)} "
    return Text.assemble(losses, (sparkline(progress.train_losses), "cyan"))


def _validation(progress: JobProgress) -> str:
    return words.loss(progress.validation_loss)
