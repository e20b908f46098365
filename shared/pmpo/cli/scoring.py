"""``pmpo score`` and ``pmpo analyze``: what a few rows say of prompts and of their parts, at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer
from rich.console import Console, Group, RenderableType
from rich.text import Text

from pmpo.cli import words
from pmpo.cli.console import on_one_line, print_json, progress_console, shown, stdout_console
from pmpo.cli.optimize import chosen_api
from pmpo.cli.options import AsJson, Fields, Url, one_of
from pmpo.cli.prompt_files import Data, PromptOrJob, Prompts, job_of_files, prompt_names
from pmpo.cli.report import has_colour, indented
from pmpo.cli.tables import plain_table
from pmpo.client import Client
from pmpo.contracts.interactive import AnalyzeView
from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.reports import UnitView
from pmpo.errors import InvalidInputError

SURE = 2.0  # standard errors beyond which a part is said to matter
MAX_PROMPT = 52

Rows = Annotated[int, typer.Option("--rows", min=1, max=1_000, metavar="N", help="Use the first N rows.")]
MaxUnits = Annotated[
    int, typer.Option("--max-units", min=2, max=50, metavar="N", help="Cut the prompt into N parts at most.")
]
Mode = Annotated[
    str, typer.Option("--mode", metavar="MODE", help="delete: leave a part out; placeholder: put a filler there.")
]


def score(
    files: Prompts,
    *,
    data: Data = None,
    field: Fields = None,
    rows: Rows = 50,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Measure prompts: how far the known answers are from what the model expects under each; lower is better.

    The API is chosen as by `pmpo optimize`: without one, services are started for the moment.
    """
    job = _job(files, data, field)
    prompts, names = job.prompts or [job.prompt], prompt_names(files, job)
    with chosen_api(url, progress_console(as_json=as_json)) as api, Client(api.url) as client:
        found = client.score(prompts, job.dataset.train[:rows], **_settings(job))
    num_rows = len(found.log_likelihoods[0])
    if as_json:
        scored = [{"prompt": prompt, "loss": loss} for prompt, loss in zip(prompts, found.losses, strict=True)]
        model = {"model": found.model, "revision": found.revision, "dtype": found.dtype, "engine": found.engine}
        print_json({"prompts": scored, "rows": num_rows, **model, "scored_tokens": found.scored_tokens})
        return
    table = plain_table()
    table.add_column("loss", justify="right")
    table.add_column("change", justify="right")
    table.add_column("prompt")
    for prompt, loss in zip(prompts, found.losses, strict=True):
        change = "" if prompt is prompts[0] else f"{loss - found.losses[0]:+.3f}"
        style = "green" if loss < found.losses[0] else ""
        table.add_row(
            words.loss(loss), Text(change, style=style), Text(on_one_line(names.get(prompt, prompt), MAX_PROMPT))
        )
    console = stdout_console()
    console.print(table)
    console.print(Text(f"{_in_nats(num_rows)}; {found.scored_tokens:,} tokens scored by {found.model}", style="dim"))


def analyze(
    file: PromptOrJob,
    *,
    data: Data = None,
    field: Fields = None,
    rows: Rows = 50,
    max_units: MaxUnits = 10,
    mode: Mode = "delete",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show what each sentence or list item of a prompt is worth: how much the loss rises without it.

    The API is chosen as by `pmpo optimize`: without one, services are started for the moment.
    """
    one_of("--mode", mode, ("delete", "placeholder"))
    job = _job([file], data, field)
    with chosen_api(url, progress_console(as_json=as_json)) as api, Client(api.url) as client:
        found = client.analyze(
            job.prompt,
            job.dataset.train[:rows],
            max_units=max_units,
            mode=cast(Literal["delete", "placeholder"], mode),
            protect=job.constraints.protect,
            **_settings(job),
        )
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        console = stdout_console()
        console.print(analysis(found, console))


def analysis(found: AnalyzeView, console: Console) -> RenderableType:
    """The prompt with its parts in colours where there are any, and each part with its worth."""
    table = plain_table()
    table.add_column("rise without it", justify="right", no_wrap=True)
    table.add_column("part")
    for unit in found.units:
        style = _style(unit)
        worth = f"{unit.delta:+.3f} ± {unit.standard_error:.3f}"
        table.add_row(Text(worth, style=style), Text(on_one_line(unit.text, MAX_PROMPT), style=style))
    legend = "green: the answers are less likely without it; red: more likely; dim: no difference beyond chance"
    about = f"loss {words.loss(found.loss)}, {_in_nats(found.num_examples)}; ±: one standard error"
    if not has_colour(console):
        return Group(table, Text(about, style="dim"))
    return Group(indented(coloured(found), console), Text(), table, Text(about, style="dim"), Text(legend, style="dim"))


def coloured(found: AnalyzeView) -> Text:
    """The prompt, each part in the colour of its worth; what is no part stays plain."""
    text, end = Text(), 0
    for unit in found.units:
        text.append(shown(found.prompt[end : unit.start]))
        text.append(shown(found.prompt[unit.start : unit.end]), style=_style(unit))
        end = unit.end
    text.append(shown(found.prompt[end:]))
    return text


def _style(unit: UnitView) -> str:
    if abs(unit.delta) <= SURE * unit.standard_error:
        return "dim"
    return "green" if unit.delta > 0 else "red"


def _in_nats(num_rows: int) -> str:
    return f"mean over {words.counted(num_rows, 'row')} in nats per token"


def _settings(job: JobSpec) -> dict[str, Any]:
    """How the job's rows are read and scored; only known targets can be scored at once."""
    if job.objective.kind != "supervised":
        raise InvalidInputError(
            f"the job's objective is {job.objective.kind}; scores while you wait are of known targets (supervised): "
            "submit the job instead"
        )
    return {
        "fields": {"input": job.fields.input, "target": job.fields.target},
        "model": job.models.targets[0],
        "answer_prefix": job.answer_prefix,
        "chat_template_kwargs": job.chat_template_kwargs,
    }


def _job(files: Sequence[Path], data: Path | None, field: Sequence[str] | None) -> JobSpec:
    job = job_of_files(files, data, field, {})
    if "train" in job.dataset.ids:
        raise InvalidInputError(f"{files[0]} names a stored data set; give a file of rows to score at once")
    return job
