"""``python -m nano_training.examples``: writes the data of the bundled jobs, from inputs that training never sees."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from nano_training.answers import label, text
from nano_training.example_rows import OptionRows, PairRows, Row, RowMaker, TargetRows, draw_rows
from nano_training.goals import Goal
from nano_training.paths import REPOSITORY_DIR
from nano_training.styles import Style

NUM_ROWS = 100
REVIEW_CITY = Goal("review", "city", Style(case="upper", wrap="brackets", prefix="answer"), text("Oslo"))
TICKET_INTENT = Goal(
    "message", "intent", Style(labels="intent:2", wrap="json", suffix="exclamation"), label("intent", "refund")
)
POLITE_REPLY = Goal("message", "product", Style(case="capital", prefix="polite", suffix="period"), text("bed"))
JOBS: Mapping[str, RowMaker] = MappingProxyType(
    {
        "review-city": TargetRows(REVIEW_CITY),
        "ticket-intent": TargetRows(TICKET_INTENT),
        "polite-reply": PairRows(POLITE_REPLY),
        "ticket-product": OptionRows("message", ("intent", "urgency", "product", "person", "order"), "product"),
    }
)


def main(arguments: list[str] | None = None) -> None:
    """Write one JSON Lines file for each bundled job."""
    parser = argparse.ArgumentParser(prog="nano_training.examples", description=__doc__)
    parser.add_argument("--output", type=Path, default=REPOSITORY_DIR / "examples" / "data")
    options = parser.parse_args(arguments)
    for name in JOBS:
        lines = [json.dumps(row) for row in example_rows(name)]
        (options.output / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def example_rows(name: str) -> Iterator[Row]:
    """The rows of a bundled job; the same every time."""
    return draw_rows(JOBS[name], f"examples:{name}", NUM_ROWS)


if __name__ == "__main__":
    main()
