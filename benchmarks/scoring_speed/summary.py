"""What the rounds say: medians of a contender, ratios within the rounds, shares of the measured peak, memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.scoring_speed.cases import OURS
from benchmarks.scoring_speed.shapes import Item, num_raw_tokens
from benchmarks.scoring_speed.work import ModelSize, budget_bytes, count_work

Round = Mapping[str, Any]
COLUMNS = (
    "seconds",
    "times ours",
    "items/s",
    "unique tokens/s",
    "share of peak",
    "peak GiB",
    "max error of a sum",
)


def case_summary(
    items: Sequence[Item], rounds: Sequence[Round], peak_flops_per_s: float, batch_tokens: int
) -> dict[str, Any]:
    """A case as plain values; contenders in the order in which the first round was told to take them.

    ``share_of_peak``: the operations that are needed when every token is computed once, in the contender's seconds,
    against the machine's peak in that dtype. ``times_ours``: its seconds over ours, the median over rounds.
    """
    work = count_work(items)
    size = _size(rounds)
    flops = work.flops(size)
    return {
        "num_items": len(items),
        "raw_tokens": num_raw_tokens(items),
        "unique_tokens": work.unique_tokens,
        "head_rows": work.head_rows,
        "flops": flops,
        "contenders": {
            name: _row(name, rounds, len(items), work.unique_tokens, flops / peak_flops_per_s)
            for name in rounds[0]["contenders"]
        },
        "memory": _memory(rounds, size, batch_tokens),
        "load_1m": [row["load_1m"] for row in rounds],
    }


def _size(rounds: Sequence[Round]) -> ModelSize:
    """Of the model, as a contender that shows it says."""
    shown = [row["size"] for one in rounds for row in one["contenders"].values() if row.get("size")]
    if not shown:
        raise ValueError("no contender that shows its model answered: padded or PMPO must take part")
    return ModelSize(**shown[0])


def _row(name: str, rounds: Sequence[Round], num_items: int, num_unique: int, seconds_at_peak: float) -> dict[str, Any]:
    """One contender of a case; only why it failed when it did in any round."""
    passes = [one["contenders"][name] for one in rounds]
    errors = [row["error"] for row in passes if "error" in row]
    if errors:
        return {"failed": errors[0]}
    worst = max((row["gate"] for row in passes), key=lambda gate: float(gate["max_abs_sum_nats"]))
    if not all(row["gate"]["passed"] for row in passes):
        return {
            "failed": "its numbers are not those of plain scoring",
            "gate": worst,
            "versions": passes[0]["versions"],
        }
    seconds = [row["seconds"] for row in passes]
    middle = median(seconds)
    return {
        "seconds": {"median": middle, "min": min(seconds), "max": max(seconds), "num": len(seconds)},
        "times_ours": _times_ours(name, rounds),
        "items_per_s": num_items / middle,
        "unique_tokens_per_s": num_unique / middle,
        "share_of_peak": seconds_at_peak / middle,
        "computed_tokens": passes[0]["computed_tokens"],
        "peak_bytes": max(row["peak_bytes"] for row in passes),
        "gate": worst,
        "versions": passes[0]["versions"],
    }


def _times_ours(name: str, rounds: Sequence[Round]) -> float | None:
    ours = [one["contenders"].get(OURS, {}) for one in rounds]
    if not all("seconds" in row for row in ours):
        return None
    ratios = [one["contenders"][name]["seconds"] / row["seconds"] for one, row in zip(rounds, ours, strict=True)]
    return float(median(ratios))


def _memory(rounds: Sequence[Round], size: ModelSize, batch_tokens: int) -> dict[str, Any] | None:
    """Our peak against what was held after loading (weights and libraries) plus the budget of a pass."""
    passes = [one["contenders"].get(OURS, {}) for one in rounds]
    passes = [row for row in passes if "seconds" in row]
    if not passes:
        return None
    peak, loaded = max(row["peak_bytes"] for row in passes), max(row["loaded_bytes"] for row in passes)
    budget = budget_bytes(size, batch_tokens)
    return {
        "weight_bytes": size.weight_bytes,
        "loaded_bytes": loaded,
        "budget_bytes": budget,
        "peak_bytes": peak,
        "peak_over_bound": peak / (loaded + budget),
    }


def linearity(points: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Of a sweep, by ``CxN``: microseconds for each unique token, and how far the dearest is from the cheapest."""
    rows = {
        name: {
            "unique_tokens": case["unique_tokens"],
            "seconds": case["contenders"][OURS]["seconds"]["median"],
            "us_per_unique_token": 1e6 / case["contenders"][OURS]["unique_tokens_per_s"],
            "peak_bytes": case["contenders"][OURS]["peak_bytes"],
        }
        for name, case in points.items()
        if "seconds" in case["contenders"].get(OURS, {})
    }
    costs = [row["us_per_unique_token"] for row in rows.values()]
    return {"points": rows, "dearest_over_cheapest": max(costs) / min(costs) if costs else None}


def table(cases: Mapping[str, Mapping[str, Any]]) -> str:
    """All cases as a Markdown table, one line a contender."""
    lines = [
        f"| case | contender | {' | '.join(COLUMNS)} |",
        "|---|---|" + "---:|" * len(COLUMNS),
    ]
    for name, case in cases.items():
        lines += [_line(name, who, row) for who, row in case["contenders"].items()]
        lines += [f"| {name} | {who} | not run: {why} | | | | | | |" for who, why in case.get("absent", {}).items()]
    return "\n".join(lines) + "\n"


def _line(case: str, who: str, row: Mapping[str, Any]) -> str:
    error = f"{row['gate']['max_abs_sum_nats']:.1e}" if "gate" in row else ""
    if "failed" in row:
        return f"| {case} | {who} | failed: {row['failed']} | | | | | | {error} |"
    ratio = "" if row["times_ours"] is None else f"{row['times_ours']:.2f}"
    return (
        f"| {case} | {who} | {row['seconds']['median']:.2f} | {ratio} | {row['items_per_s']:.1f} "
        f"| {row['unique_tokens_per_s']:.0f} | {100 * row['share_of_peak']:.0f} % "
        f"| {row['peak_bytes'] / 2**30:.2f} | {error} |"
    )
