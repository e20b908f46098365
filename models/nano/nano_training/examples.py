"""``python -m nano_training.examples``: writes the data of the bundled jobs, from inputs that training never sees."""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path

from nano_training.answers import label, text
from nano_training.goals import Goal
from nano_training.kinds.all import draw_item
from nano_training.paths import REPOSITORY_DIR
from nano_training.styles import Style

NUM_ROWS = 100
JOBS = {
    "review-city": Goal("review", "city", Style(case="upper", wrap="brackets", prefix="answer"), text("Oslo")),
    "ticket-intent": Goal(
        "message",
        "intent",
        Style(labels="intent:2", wrap="json", suffix="exclamation"),
        label("intent", "refund"),
    ),
}


def main(arguments: list[str] | None = None) -> None:
    """Write one JSON Lines file for each bundled job."""
    parser = argparse.ArgumentParser(prog="nano_training.examples", description=__doc__)
    parser.add_argument("--output", type=Path, default=REPOSITORY_DIR / "examples" / "data")
    options = parser.parse_args(arguments)
    for name, goal in JOBS.items():
        lines = [json.dumps(row) for row in draw_rows(name, goal, NUM_ROWS)]
        (options.output / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def draw_rows(name: str, goal: Goal, num_rows: int) -> Iterator[dict[str, str]]:
    """Rows with different held-out inputs; the same for the same name."""
    rng, seen = random.Random(f"examples:{name}"), set[str]()
    while len(seen) < num_rows:
        item = draw_item(rng, goal.kind, held_out=True)
        if item.text not in seen:
            seen.add(item.text)
            yield {"input": item.text, "target": goal.target(item)}


if __name__ == "__main__":
    main()
