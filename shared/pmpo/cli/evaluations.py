"""What an evaluation measured, for a person and for a program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.table import Table
from rich.text import Text

from pmpo.cli import words
from pmpo.cli.console import on_one_line, print_json, stdout_console
from pmpo.cli.tables import plain_table
from pmpo.contracts.evaluation import EvaluatedPrompt, EvaluationView

MAX_PROMPT = 28
MAX_ROWS = 5


def print_evaluation(found: EvaluationView, *, as_json: bool, names: Mapping[str, str] | None = None) -> None:
    """Every prompt with its loss, its accuracy and the paired test against the first; then the rows to look at.

    ``names`` are what people call the prompts, by their text: the files that they came from.
    """
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    console = stdout_console()
    console.print(_prompts(found, names or {}))
    rows = f"{words.counted(found.num_rows, 'row')} of {found.measured_set}"
    about = [f"loss: mean over {rows} in {found.objective.unit}, lower is better; ±: one standard error"]
    for sentence in (*about, _significance(found), _left_out(found)):
        if sentence:
            console.print(Text(sentence, style="dim"))
    if found.prompts:
        console.print()
        for line in _rows_to_look_at(found, console.width):
            console.print(line)
        console.print()
    console.print(
        Text(
            f"Cost: {found.scored_tokens:,} tokens scored, {found.generated_tokens:,} generated, "
            f"{words.seconds(found.seconds)}{'' if found.money is None else f', {words.money(found.money)}'}."
        )
    )


def _prompts(found: EvaluationView, names: Mapping[str, str]) -> Table:
    table, several = plain_table(), len(found.prompts) > 1
    for name in (*(["no."] if several else []), "loss", "±", *(["change", "p"] if several else [])):
        table.add_column(name, justify="right", no_wrap=True)
    shares = [
        (name, [getattr(each, key) for each in found.prompts])
        for name, key in (("accuracy", "accuracy"), ("preferred", "preferred"))
    ]
    shares = [(name, values) for name, values in shares if any(value is not None for value in values)]
    for name, _ in shares:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("tokens", justify="right")
    table.add_column("prompt")
    for place, each in enumerate(found.prompts):
        cells = [words.loss(each.loss), f"{each.standard_error:.3f}"]
        if several:
            cells.insert(0, str(place + 1))
        if several:
            cells += _against_first(found.prompts[0], each)
        cells += [words.percent(values[place]) for _, values in shares]
        table.add_row(*cells, str(each.num_tokens), Text(on_one_line(names.get(each.prompt, each.prompt), MAX_PROMPT)))
    return table


def _against_first(first: EvaluatedPrompt, each: EvaluatedPrompt) -> list[str]:
    """The change of the loss, and how often chance alone makes the prompt look so much better."""
    if each is first:
        return ["", ""]
    p_value = "-" if each.comparison is None else f"{max(each.comparison.p_value, 0.0001):.2g}"
    return [f"{each.loss - first.loss:+.3f}", p_value]


def _significance(found: EvaluationView) -> str:
    if len(found.prompts) < 2:
        return ""
    if found.num_rows < 5:
        return "change: against the first prompt; fewer than 5 rows are too few for a test."
    more = "; it is not corrected for the number of prompts" if len(found.prompts) > 2 else ""
    return f"change: against the first prompt; p: how often chance alone makes a prompt look so much better{more}"


def _left_out(found: EvaluationView) -> str:
    if not found.not_evaluated:
        return ""
    return f"Not measured, because the budget had no room: {words.counted(len(found.not_evaluated), 'prompt')}."


def _rows_to_look_at(found: EvaluationView, width: int) -> Iterator[Text]:
    """Under the prompt with the lowest loss: what was asked and wanted, and what the model said."""
    place = min(range(len(found.prompts)), key=lambda place: found.prompts[place].loss)
    best = found.prompts[place]
    whose = f" under prompt {place + 1}, which has the lowest loss" if len(found.prompts) > 1 else ""
    num_wrong = sum(grade < 1.0 for grade in best.grades or ())
    wrong = f"; {num_wrong:,} of {found.num_rows:,} are answered wrong" if best.grades is not None else ""
    yield Text(f"Rows to look at{whose} (from 0{wrong}):")
    for hard in best.hardest[:MAX_ROWS]:
        yield Text(f"  row {hard.row}, loss {words.loss(hard.loss)}: {on_one_line(hard.input, width - 28)}")
        yield Text(f"      wanted    {on_one_line(hard.wanted, width - 17)}")
        if hard.answer is not None:
            is_wrong = hard.grade is not None and hard.grade < 1.0
            yield Text(f"      answered  {on_one_line(hard.answer, width - 17)}", style="red" if is_wrong else "")
