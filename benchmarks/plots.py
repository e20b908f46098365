"""The plots of the benchmarks: the same results give the same bytes."""

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


def draw_scoring(result: Mapping[str, Any], path: Path) -> None:
    """Seconds of each contender as multiples of ours, a panel a model; and cost against unique tokens."""
    cases = {name: _ratios(case) for name, case in result["cases"].items()}
    cases = {name: ratios for name, ratios in cases.items() if len(ratios) > 1}
    models = list(dict.fromkeys(name.split("/")[0] for name in cases))
    everyone = dict.fromkeys(who for ratios in cases.values() for who in ratios)
    colors = {who: COLORS[index % len(COLORS)] for index, who in enumerate(everyone)}
    figure = _figure()
    *panels, last = figure.subplots(1, len(models) + 1, squeeze=False)[0]
    for axes, model in zip(panels, models, strict=True):
        mine = {name.split("/")[1]: ratios for name, ratios in cases.items() if name.startswith(f"{model}/")}
        _multiples(axes, mine, colors)
        axes.set_title(model)
    points = sorted((row["unique_tokens"], row["seconds"]) for row in result["sweep"]["points"].values())
    last.plot([tokens for tokens, _ in points], [seconds for _, seconds in points], "o-", color=COLORS[0])
    last.set_xlabel("unique tokens")
    last.set_ylabel("seconds")
    last.set_xlim(left=0)
    last.set_ylim(bottom=0)
    last.set_title("C and N growing 8-fold")
    _save(figure, path)


def _ratios(case: Mapping[str, Any]) -> dict[str, float]:
    return {who: row["times_ours"] for who, row in case["contenders"].items() if row.get("times_ours")}


def _multiples(axes: Axes, cases: Mapping[str, Mapping[str, float]], colors: Mapping[str, str]) -> None:
    """Bars from above: a group a case, a color a contender."""
    names = list(dict.fromkeys(who for ratios in cases.values() for who in ratios))
    height = 0.8 / len(names)
    for index, who in enumerate(names):
        at = [place + index * height for place, ratios in enumerate(cases.values()) if who in ratios]
        values = [ratios[who] for ratios in cases.values() if who in ratios]
        bars = axes.barh(at, values, height, color=colors[who], label=who)
        axes.bar_label(bars, fmt="%.1f", fontsize="x-small", padding=2)
    axes.set_yticks([place + 0.4 - height / 2 for place in range(len(cases))], list(cases))
    axes.invert_yaxis()
    axes.set_xlabel("seconds, in multiples of PMPO's")
    axes.legend(fontsize="x-small")


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
