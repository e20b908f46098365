"""``python -m nano_training.report.card``: writes the model card and its plots from the training facts and a report."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from string import Template

from nano_training.facts import Facts, num_parameters
from nano_training.paths import FACTS_FILE, MODEL_DIR, PLOTS_FILE, REPORT_FILE, TRANSFER_FILE
from nano_training.report import tables
from nano_training.report.measure import Report
from nano_training.report.plots import draw_plots
from nano_training.report.transfer import Transfer

PARTS = {
    "family_table": lambda report: tables.family_table(report.cells),
    "outside_table": tables.outside_table,
    "requirement_table": tables.requirement_table,
    "rewrite_table": tables.rewrite_table,
    "few_shot_table": tables.few_shot_table,
    "pair_table": tables.pair_table,
    "public_table": tables.public_table,
    "calibration_table": tables.calibration_table,
    "loop_table": tables.loop_table,
}


def main(arguments: list[str] | None = None) -> None:
    """Fill in the card's template."""
    options = _parser().parse_args(arguments)
    report = Report.from_dict(json.loads(options.report.read_text(encoding="utf-8")))
    transfer = read_transfer(options.transfer)
    (options.model / "README.md").write_text(card(report, options.facts, options.model, transfer), encoding="utf-8")
    draw_plots(report, options.plots)


def card(report: Report, facts_file: Path, model: Path, transfer: Transfer | None = None) -> str:
    """The card's text."""
    template = Template((Path(__file__).parent / "card_template.md").read_text(encoding="utf-8"))
    values: dict[str, object] = {name: make(report) for name, make in PARTS.items()}
    values |= {"relative_table": tables.relative_table(transfer), "transfer_table": tables.transfer_table(transfer)}
    values |= {"transfer_tasks": transfer.num_tasks if transfer else 0}
    return template.substitute(values | asdict(Facts.read(facts_file)) | headline(report) | sizes_of(model))


def headline(report: Report) -> dict[str, object]:
    """Single numbers that the text names."""
    whole = report.rewrites[-1]
    accepted = sorted(run.num_accepted for run in report.loops)
    return {
        "evaluation_seed": report.seed,
        "evaluation_seconds": round(report.seconds),
        "clear_exact": f"{tables.mean_of(report.cells, 'clear')[1]:.3f}",
        "clear_nats": f"{tables.mean_of(report.cells, 'clear')[0]:.3f}",
        "seen_exact": f"{tables.mean_of(report.cells, 'clear', 'seen')[1]:.3f}",
        "vague_nats": f"{tables.mean_of(report.cells, 'vague')[0]:.2f}",
        "missing_nats": f"{report.requirements.mean:.2f}",
        "filler_nats": f"{report.requirements.filler_mean:+.3f}",
        "filler_absolute": f"{report.requirements.filler_absolute:.3f}",
        "misleading_found": f"{report.misleading.found:.2f}",
        "misleading_prompts": report.misleading.num_prompts,
        "rewrites_better": f"{whole.better:.2f}",
        "calibration_error": f"{report.calibration.expected_error:.3f}",
        "num_families": len({cell.family for cell in report.cells}),
        "num_loops": len(report.loops),
        "good_loops": f"{tables.share_of_good_runs(report.loops):.2f}",
        "close_loops": f"{sum(run.is_close for run in report.loops) / len(report.loops):.2f}",
        "median_accepted": accepted[len(accepted) // 2],
    }


def sizes_of(model: Path) -> dict[str, object]:
    """Parameters, and the size of the weights in megabytes."""
    weights = model / "model.safetensors"
    return {"parameters": num_parameters(model), "megabytes": f"{weights.stat().st_size / 1e6:.1f}"}


def read_transfer(path: Path) -> Transfer | None:
    """What ``nano_training.report.transfer`` measured; None when it never did."""
    return Transfer.from_dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def read_front_matter(card: str) -> dict[str, str]:
    """The ``name: value`` lines between the card's first two rules, as texts."""
    lines = card.split("---\n")[1].splitlines()
    return dict(line.split(": ", 1) for line in lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nano_training.report.card", description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL_DIR)
    parser.add_argument("--report", type=Path, default=REPORT_FILE)
    parser.add_argument("--transfer", type=Path, default=TRANSFER_FILE, help="may be missing: then the card says so")
    parser.add_argument("--facts", type=Path, default=FACTS_FILE)
    parser.add_argument("--plots", type=Path, default=PLOTS_FILE)
    return parser


if __name__ == "__main__":
    main()
