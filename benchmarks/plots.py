"""The plots of both benchmarks: the same results give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLORS = ("#1f5fa8", "#d9822b", "#2e8b57", "#b03060", "#6a5acd", "#8a6d3b", "#3aa6a6", "#444444")


def draw_selection(result: Mapping[str, Any], path: Path) -> None:
    """Regret at equal engine seconds, by loss and by answers, and where each policy ends."""
    figure = _figure()
    left, middle, right = figure.subplots(1, 3)
    policies = result["policies"]
    for axes, kind in ((left, "loss"), (middle, "answers")):
        _curves(axes, {name: row["regret_points_at_cost"] for name, row in policies.items() if name.startswith(kind)})
        axes.set_xlabel("engine seconds, in units of scoring the whole pool by loss")
        axes.set_ylabel("points below the pool's best test accuracy")
        axes.set_title(f"picked by {kind}")
    top = max(left.get_ylim()[1], middle.get_ylim()[1])
    for axes in (left, middle):
        axes.set_ylim(0, top)
    _ends(right, {name: row["regret_points"] for name, row in policies.items()})
    right.set_xlabel("points below the pool's best, at the end")
    _save(figure, path)


def draw_optimizers(result: Mapping[str, Any], path: Path) -> None:
    """Test accuracy at equal engine seconds and at the cap, and how far PMPO leads each of the others there."""
    figure = _figure()
    left, middle, right = figure.subplots(1, 3)
    contestants, leads = result["contestants"], result["pmpo_leads_by"]
    shown = [name for name in contestants if not name.startswith("static")]
    _curves(left, {name: contestants[name]["accuracy_at_share"] for name in shown})
    left.set_xlabel("engine seconds, as a share of the cap")
    left.set_ylabel("test accuracy, points")
    _ends(middle, {name: row["accuracy_at_share"]["1.0"] for name, row in contestants.items()})
    middle.set_xlabel("test accuracy at the cap, points")
    _ends(right, {name: row["accuracy_at_share"]["1.0"] for name, row in leads.items()})
    right.axvline(0.0, color=COLORS[-1], linewidth=0.8)
    right.set_xlabel("points by which PMPO leads at the cap, paired by job and seed")
    _save(figure, path)


def _figure() -> Figure:
    mpl.rcParams["svg.hashsalt"] = "pmpo"
    return Figure(figsize=(17, 5.5), layout="constrained")


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def _curves(axes: Axes, curves: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    """One curve a name, with its band; keys are budgets as text."""
    styles = ("-", "--", ":")
    for index, (name, points) in enumerate(curves.items()):
        budgets = [float(budget) for budget in points]
        color, style = COLORS[index % len(COLORS)], styles[index // len(COLORS) % len(styles)]
        axes.plot(budgets, _column(points, "mean"), color=color, linestyle=style, label=name)
        axes.fill_between(budgets, _column(points, "low"), _column(points, "high"), color=color, alpha=0.08)
    axes.set_xscale("log")
    axes.set_xticks(budgets, [f"{budget:g}" for budget in budgets])
    axes.minorticks_off()
    axes.legend(fontsize="small")


def _ends(axes: Axes, ends: Mapping[str, Mapping[str, float]]) -> None:
    """A point with its interval for each name, from above."""
    names = list(ends)[::-1]
    means = [ends[name]["mean"] for name in names]
    errors = [
        [max(0.0, ends[name]["mean"] - ends[name]["low"]) for name in names],
        [max(0.0, ends[name]["high"] - ends[name]["mean"]) for name in names],
    ]
    axes.errorbar(means, range(len(names)), xerr=errors, fmt="o", color=COLORS[0], capsize=3)
    axes.set_yticks(range(len(names)), names)
    axes.set_title("mean and 95 % interval over jobs and repetitions")


def _column(points: Mapping[str, Mapping[str, float]], key: str) -> Sequence[float]:
    return [row[key] for row in points.values()]
