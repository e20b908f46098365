"""The card's tables, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

from nano_training.report.families import PROMPT_KINDS, Cell
from nano_training.report.loop import LoopRun
from nano_training.report.measure import Report
from nano_training.report.transfer import Transfer

MIN_ACCEPTED, MAX_ACCEPTED = 3, 8


def family_table(cells: Sequence[Cell]) -> str:
    """Loss / exact match: a row a family, a column a kind of prompt; last, clear prompts with seen sentences."""
    heads = [*(kind.replace("_", " ") for kind in PROMPT_KINDS), "clear, seen sentences"]
    families = list(dict.fromkeys(cell.family for cell in cells))
    rows = [(name, [cell for cell in cells if cell.family == name]) for name in families]
    lines = [[name, *_family_row(found)] for name, found in [*rows, ("**mean**", list(cells))]]
    return markdown(["family", *heads], lines)


def mean_of(cells: Iterable[Cell], prompt_kind: str, phrasing: str = "unseen") -> tuple[float, float]:
    """Mean loss and exact match over families."""
    chosen = [cell for cell in cells if (cell.prompt_kind, cell.phrasing) == (prompt_kind, phrasing)]
    return fmean(cell.nats for cell in chosen), fmean(cell.exact for cell in chosen)


def outside_table(report: Report) -> str:
    """Clear prompts where something else was held out too."""
    rows = [[name, f"{nats:.2f}", f"{exact:.2f}"] for name, (nats, exact) in report.outside.items()]
    return markdown(["clear prompts, held-out sentences, and", "nats a token", "exact"], rows)


def requirement_table(report: Report) -> str:
    """What a missing sentence costs, by what it is about."""
    costs = report.requirements
    rows = [[name, f"{nats:+.2f}", str(costs.num_by_dimension[name])] for name, nats in costs.by_dimension.items()]
    return markdown(
        ["missing sentence about", "nats a token", "prompts"], [*rows, ["**mean**", f"{costs.mean:+.2f}", ""]]
    )


def rewrite_table(report: Report) -> str:
    """Rewrites of vague prompts, by kind of input."""
    numbers = ("parseable", "distinct", "better", "vague_nats", "mean_nats", "best_nats")
    rows = [
        [row.name, str(row.num_cases), *(f"{getattr(row, name):.2f}" for name in numbers)] for row in report.rewrites
    ]
    heads = ["kind", "prompts", "parseable", "distinct", "better", "vague nats", "mean rewrite", "best of 4"]
    return markdown(heads, rows)


def few_shot_table(report: Report) -> str:
    """Loss / exact match after k solved inputs."""
    counts = sorted({point.num_demonstrations for point in report.few_shot})
    found = {(point.prompt_kind, point.num_demonstrations): point for point in report.few_shot}
    rows = [
        [kind, *(f"{found[kind, count].nats:.2f} / {found[kind, count].exact:.2f}" for count in counts)]
        for kind in dict.fromkeys(point.prompt_kind for point in report.few_shot)
    ]
    return markdown(["prompt", *(f"{count} shown" for count in counts)], rows)


def pair_table(report: Report) -> str:
    """How often the wanted side of a pair is the likelier one."""
    rows = [
        [result.flaw, result.prompt_kind, f"{result.right:.2f}", f"{result.margin_nats:+.2f}"]
        for result in report.pairs
    ]
    return markdown(["rejected answer is", "prompt", "chosen likelier", "margin, nats a token"], rows)


def public_table(report: Report) -> str:
    """Accuracy on the public files."""
    if not report.public:
        return "Not measured: the public files were not there."
    found = {(row.task, row.prompt): row for row in report.public}
    prompts = list(dict.fromkeys(row.prompt for row in report.public))
    rows = [
        [task, *(f"{found[task, prompt].accuracy:.3f} ({found[task, prompt].num_rows})" for prompt in prompts)]
        for task in dict.fromkeys(row.task for row in report.public)
    ]
    return markdown(["task", *(prompt.replace("_", " ") for prompt in prompts)], rows)


def calibration_table(report: Report) -> str:
    """Bins of the favourite token's probability."""
    bins = report.calibration
    rows = [
        [f"{confidence:.2f}", f"{accuracy:.2f}", f"{count:,}"]
        for confidence, accuracy, count in zip(bins.confidence, bins.accuracy, bins.num_tokens, strict=True)
    ]
    return markdown(["mean probability", "right", "tokens"], rows)


def loop_table(report: Report) -> str:
    """Each run of the optimizer on a composed task."""
    rows = [
        [
            run.family,
            str(run.num_requirements),
            *(f"{nats:.2f}" for nats in (run.vague_nats, run.final_nats, run.clear_nats)),
            *(str(run.num_accepted), str(run.num_iterations), run.stop),
        ]
        for run in report.loops
    ]
    heads = ["family", "requirements", "vague", "final", "clear", "accepted", "rounds", "stopped by"]
    return markdown(heads, rows)


def relative_table(transfer: Transfer | None) -> str:
    """The models that were trained alike."""
    if transfer is None:
        return "Not measured."
    rows = [
        [
            model.name,
            *(f"{model.parameters / 1e6:.2f}M", str(model.seed), f"{model.steps:,}", f"{model.tokens / 1e6:.1f}M"),
            *(f"{model.clear_exact:.2f}", f"{model.clear_nats:.2f}", f"{model.vague_nats:.2f}"),
            f"{model.rewrites_better:.2f}",
        ]
        for model in transfer.models
    ]
    heads = ["model", "parameters", "seed", "steps", "tokens", "clear: exact", "clear: nats", "vague: nats"]
    return markdown([*heads, "rewrites better"], rows)


def transfer_table(transfer: Transfer | None) -> str:
    """Prompts found on one model and measured on another."""
    if transfer is None:
        return "Not measured."
    rows = [
        [
            *(cell.source, cell.target),
            *(f"{nats:.2f}" for nats in (cell.vague_nats, cell.found_nats, cell.clear_nats)),
            *(f"{100 * cell.share_closed:.0f} %", f"{cell.num_better} of {transfer.num_tasks}"),
        ]
        for cell in transfer.cells
    ]
    return markdown(["found on", "measured on", "vague", "found", "clear", "way gone", "better than vague"], rows)


def share_of_good_runs(runs: Sequence[LoopRun]) -> float:
    """Runs that came close to the clear prompt with 3 to 8 accepted rewrites."""
    return fmean(run.is_close and MIN_ACCEPTED <= run.num_accepted <= MAX_ACCEPTED for run in runs)


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _family_row(cells: Sequence[Cell]) -> list[str]:
    columns = [(kind, "unseen") for kind in PROMPT_KINDS] + [("clear", "seen")]
    return ["{:.2f} / {:.2f}".format(*mean_of(cells, kind, phrasing)) for kind, phrasing in columns]
