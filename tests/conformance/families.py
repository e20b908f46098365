"""The table of docs/engines.md, from the models of the conformance suite: ``python -m tests.conformance.families``."""

from __future__ import annotations

from pathlib import Path

from transformers import PreTrainedConfig

from tests.conformance.test_scorer_engines import tiny_configs

DOCUMENT = Path(__file__).parents[2] / "docs" / "engines.md"
BEGIN, END = "<!-- families -->\n", "<!-- end of families -->"


def attention(config: PreTrainedConfig) -> str:
    """Which layers see all that stands before a token."""
    kinds = set(getattr(config, "layer_types", None) or ())
    if {"sliding_attention", "full_attention"} <= kinds:
        return "full and sliding"
    has_window = getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True)
    return "sliding" if has_window or kinds == {"sliding_attention"} else "full"


def table() -> str:
    """One row a family."""
    rows = [
        f"| {name} | `{config.model_type}` | {attention(config)} |" for name, config in sorted(tiny_configs().items())
    ]
    return "\n".join(["| family | transformers' model type | attention |", "|---|---|---|", *rows, ""])


def with_table(document: str) -> str:
    """The document with the table of today."""
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
