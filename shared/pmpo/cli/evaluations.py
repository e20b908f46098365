"""What an evaluation measured, for a person and for a program."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from pmpo.cli import words
from pmpo.cli.console import on_one_line, print_json, shown, stdout_console
from pmpo.cli.tables import plain_table
from pmpo.contracts.evaluation import EvaluatedPrompt, EvaluationView

MAX_PROMPT = 28
MAX_HARD = 5
MAX_ANSWER = 48


def print_evaluation(found: EvaluationView, *, as_json: bool) -> None:
    """Every prompt with its loss, its accuracy and the paired test against the first; then the hardest rows."""
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    console = stdout_console()
    console.print(_prompts(found))
    rows = f"{words.counted(found.num_rows, 'row')} of {found.measured_set}"
    legend = f"loss: mean over {rows} in {found.objective.unit}, lower is better; ±: one standard error"
    console.print(Text(legend, style="dim"), soft_wrap=True)
    for sentence in (_significance(found), _left_out(found)):
        if sentence:
            console.print(Text(sentence), soft_wrap=True)
    if found.prompts:
        console.print()
        console.print(_hardest(_best(found)))
    console.print(
        Text(
            f"Cost: {found.scored_tokens:,} tokens scored, {found.generated_tokens:,} generated, "
            f"{words.seconds(found.seconds)}{'' if found.money is None else f', {words.money(found.money)}'}."
        )
    )


def _prompts(found: EvaluationView) -> Table:
    table, several = plain_table(), len(found.prompts) > 1
    for name in ("loss", "±", *(["change", "p"] if several else [])):
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
            cells += _against_first(found.prompts[0], each)
        cells += [words.percent(values[place]) for _, values in shares]
        table.add_row(*cells, str(each.num_tokens), Text(on_one_line(each.prompt, MAX_PROMPT)))
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


def _best(found: EvaluationView) -> EvaluatedPrompt:
    return min(found.prompts, key=lambda each: each.loss)


def _hardest(each: EvaluatedPrompt) -> Text:
    """The rows of the highest loss, with what the model said where that was wrong."""
    answers = {wrong.row: wrong.answer for wrong in each.wrong}
    hardest = sorted(zip(each.losses, each.rows, strict=True), key=lambda cell: (-cell[0], cell[1]))[:MAX_HARD]
    text = Text("Hardest rows (from 0) under the prompt with the lowest loss:\n", style="")
    for loss, row in hardest:
        said = f"  answered: {on_one_line(shown(answers[row]), MAX_ANSWER)}" if row in answers else ""
        text.append(f"  {row:>5}  loss {words.loss(loss)}{said}\n")
    return text
