"""The card's plots."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nano_training.report.families import PROMPT_KINDS
from nano_training.report.measure import Report
from nano_training.report.tables import mean_of

_BLUE, _ORANGE, _GRAY = "#1f5fa8", "#d9822b", "#8a8a8a"


def draw_plots(report: Report, path: Path) -> None:
    """Four panels in one SVG file; the same report gives the same bytes."""
    mpl.rcParams["svg.hashsalt"] = "nano"
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    panels = figure.subplots(2, 2)
    _prompt_kinds(panels[0, 0], report)
    _requirements(panels[0, 1], report)
    _few_shot(panels[1, 0], report)
    _calibration(panels[1, 1], report)
    figure.savefig(path, metadata={"Date": None})


def _prompt_kinds(axes: Axes, report: Report) -> None:
    names = [kind.replace("_", "\n") for kind in PROMPT_KINDS]
    nats, exact = zip(*(mean_of(report.cells, kind) for kind in PROMPT_KINDS), strict=True)
    places = range(len(names))
    axes.bar([place - 0.2 for place in places], nats, 0.4, color=_ORANGE, label="loss, nats per token")
    axes.bar([place + 0.2 for place in places], exact, 0.4, color=_BLUE, label="exact match")
    axes.set_xticks(list(places), names)
    axes.set_ylim(0, 1.4 * max(nats))
    axes.set_title("What the prompt says decides (mean over families)")
    axes.legend()


def _requirements(axes: Axes, report: Report) -> None:
    costs = dict(sorted(report.requirements.by_dimension.items(), key=lambda row: row[1]))
    axes.barh(list(costs), list(costs.values()), color=_ORANGE)
    axes.axvline(0.15, color=_GRAY, linestyle=":")
    axes.set_xlabel("nats per target token")
    axes.set_title("What a missing sentence costs")


def _few_shot(axes: Axes, report: Report) -> None:
    for kind, color in (("vague", _ORANGE), ("clear", _BLUE)):
        points = [point for point in report.few_shot if point.prompt_kind == kind]
        counts = [point.num_demonstrations for point in points]
        axes.plot(counts, [point.exact for point in points], color=color, marker="o", label=f"{kind}: exact match")
        axes.plot(
            counts, [point.nats for point in points], color=color, linestyle="--", label=f"{kind}: nats per token"
        )
    axes.set_xlabel("solved inputs shown before")
    axes.set_title("Demonstrations help")
    axes.legend()


def _calibration(axes: Axes, report: Report) -> None:
    bins = report.calibration
    axes.plot([0, 1], [0, 1], color=_GRAY, linestyle=":")
    axes.plot(bins.confidence, bins.accuracy, color=_BLUE, marker="o")
    axes.set_xlabel("probability of the favourite token")
    axes.set_ylabel("share of favourites that are right")
    axes.set_title(f"Calibration (expected error {bins.expected_error:.3f})")
