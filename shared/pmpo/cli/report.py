"""A result for a person: verdict, numbers, what changed in the prompt, what was rejected, what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from pmpo.cli import shorter, words
from pmpo.cli.console import on_one_line, shown
from pmpo.cli.tables import plain_table
from pmpo.contracts.jobs import RejectionView, ResultView
from pmpo.contracts.registry import PromptRef
from pmpo.text.diff import Piece, word_diff

MAX_EXAMPLES = 3
_VERDICT_STYLES = {"confirmed": "bold green", "unconfirmed": "bold yellow", "untested": "bold yellow"}
_DIFF_STYLES = {"equal": "", "delete": "red strike", "insert": "green"}
_DIFF_MARKS = {"equal": ("", ""), "delete": ("[-", "-]"), "insert": ("{+", "+}")}


def print_result(console: Console, result: ResultView, registered: PromptRef | None = None) -> None:
    """Everything about ``result``, from the verdict to the cost, and the version that its prompt was registered as."""
    sections = [_verdict(result), _numbers(result), _prompts(result, console)]
    if result.compression is not None:
        sections.append(shorter.units(result.compression))
    elif words.rewrites(result):
        sections.append(_rejections(result))
    if result.flat_pairs:
        sections.append(Text(words.flat_pairs(result)))
    if result.demonstrations is not None:
        sections.append(Text.assemble(("Demonstrations: ", "bold"), words.demonstrations(result.demonstrations)))
    if registered is not None:
        sections.append(Text(words.registered(registered)))
    for section in (*sections, _cost(result)):
        console.print()
        console.print(section)


def prompt_diff(before: str, after: str, *, has_colour: bool) -> Text:
    """The word diff of two prompts, as ``diff_text`` shows it."""
    return diff_text(word_diff(before, after), has_colour=has_colour)


def diff_text(pieces: Iterable[Piece], *, has_colour: bool) -> Text:
    """A word diff: red and struck through is gone, green is new; without colour ``[-gone-]`` and ``{+new+}``."""
    text = Text()
    last = "equal"
    for op, piece in pieces:
        start, end = ("", "") if has_colour else _DIFF_MARKS[op]
        if has_colour and (last, op) == ("delete", "insert"):
            text.append(" ")  # a breath between the old and the new, which no space may part
        last = op
        text.append(f"{start}{shown(piece)}{end}", style=_DIFF_STYLES[op])
    return text


def _verdict(result: ResultView) -> RenderableType:
    head = Text.assemble(("Verdict: ", "bold"), (result.verdict, _VERDICT_STYLES[result.verdict]))
    found = result.compression
    return Group(head, Text(words.verdict(result) if found is None else shorter.verdict(result, found)))


def _numbers(result: ResultView) -> RenderableType:
    table = plain_table()
    table.add_column("")
    for name in ("before", "after", "change"):
        table.add_column(name, justify="right")
    rows = result.splits
    _add_loss(
        table, f"train loss ({words.counted(rows.train, 'row')})", result.train_loss_before, result.train_loss_after
    )
    name = f"validation loss ({words.counted(rows.validation, 'row')})"
    _add_loss(table, name, result.validation_loss_before, result.validation_loss_after)
    if result.test is None:
        table.add_row("test loss", "-", "-", "not tested")
        return table
    name = f"test loss ({words.counted(result.test.num_examples, 'row')})"
    _add_loss(table, name, result.test.loss_before, result.test.loss_after)
    low, high = result.test.interval
    if result.test.accuracy_before is not None:
        before, after = result.test.accuracy_before, result.test.accuracy_after
        table.add_row("test accuracy", words.percent(before), words.percent(after), _points(before, after))
    if result.test.preferred_before is not None:
        before, after = result.test.preferred_before, result.test.preferred_after
        name = f"test {words.preferred(result)}"
        table.add_row(name, words.percent(before), words.percent(after), _points(before, after))
    chance = words.p_value(result.test.p_value)
    if result.compression is not None:
        chance += f" for a rise of {result.compression.margin:g} or more"
    interval = f"95 % interval of the test loss's change: {low:+.3f} to {high:+.3f} ({chance})"
    return Group(table, Text(), Text(interval), Text(words.loss_legend(result), style="dim"))


def _add_loss(table: Table, name: str, before: float, after: float) -> None:
    style = "green" if after < before else ""
    table.add_row(name, words.loss(before), words.loss(after), Text(f"{after - before:+.3f}", style=style))


def _points(before: float, after: float | None) -> Text:
    if after is None:
        return Text("-")
    change = f"{100 * (after - before):+.3g}" if after != before else "0"
    return Text(f"{change} points", style="green" if after > before else "")


def _prompts(result: ResultView, console: Console) -> RenderableType:
    if result.prompt_after == result.prompt_before:
        return Group(Text("Prompt (unchanged)", style="bold"), indented(Text(shown(result.prompt_after)), console))
    change = prompt_diff(result.prompt_before, result.prompt_after, has_colour=has_colour(console))
    return Group(
        Text.assemble(("What changed ", "bold"), (f"({diff_legend(console)})", "dim")),
        indented(change, console),
        Text(),
        Text("The new prompt", style="bold"),
        indented(Text(shown(result.prompt_after)), console),
    )


def _rejections(result: ResultView) -> RenderableType:
    head = Text.assemble(("Rewrites: ", "bold"), words.rewrites(result))
    return Group(head, *_grouped([item for item in result.rejected if item.iteration]))  # 0: seed prompts


def _grouped(rejected: list[RejectionView]) -> Iterator[RenderableType]:
    """A line for each reason, the most frequent first, with one example; then the example prompts of a few."""
    counts = Counter(item.reason for item in rejected)
    for number, (reason, count) in enumerate(counts.most_common()):
        first = next(item for item in rejected if item.reason == reason)
        yield Text(f"  {count:>3}  {words.rejection(reason)}")
        if number < MAX_EXAMPLES:
            remark = on_one_line(first.prompt, 60) or "(nothing)"
            yield Text(f"       e.g. {remark}", style="dim")


def _cost(result: ResultView) -> RenderableType:
    why = f"Stopped because {words.stop_reason(result.stop_reason)}."
    if result.num_restarts:
        why = f"Started again {words.counted(result.num_restarts, 'time')} from a runner-up. {why}"
    if words.seeds(result):
        why = f"{words.seeds(result)}. {why}"
    if result.detail and not words.is_told_by_verdict(result):
        why += f" {words.sentence(shown(result.detail)).rstrip('.')}."
    cost = (
        f"Cost: {result.scored_tokens:,} tokens scored{words.computed(result)}, "
        f"{result.generated_tokens:,} generated, {words.seconds(result.seconds)}"
        f"{f', {words.money(result.money)}' if result.money is not None else ''}."
    )
    return Group(Text(why), Text(cost))


def has_colour(console: Console) -> bool:
    """Whether colours are seen there."""
    return console.is_terminal and not console.no_color


def diff_legend(console: Console) -> str:
    """How to read a diff there."""
    return "red: removed, green: added" if has_colour(console) else "[-removed-] {+added+}"


def indented(text: Text, console: Console, by: int = 2) -> Text:
    """``text`` wrapped to the console, ``by`` columns in, without blanks at the ends of lines."""
    lines = text.wrap(console, console.width - by)
    for line in lines:
        line.rstrip()
    return Text("\n").join(Text(" " * by) + line for line in lines)
