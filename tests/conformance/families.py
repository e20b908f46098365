"""The table of docs/engines.md, from the models of the conformance suite: ``python -m tests.conformance.families``."""

from __future__ import annotations

from pathlib import Path

from transformers import PreTrainedConfig

from tests.conformance.tiny_models import Architecture, architectures

DOCUMENT = Path(__file__).parents[2] / "docs" / "engines.md"
BEGIN, END = "<!-- families -->\n", "<!-- end of families -->"


def attention(config: PreTrainedConfig) -> str:
    """Which layers see all that stands before a token, and which other layers there are."""
    kinds = {kind.removesuffix("_attention") for kind in getattr(config, "layer_types", None) or ()}
    if len(kinds) > 1:
        return " and ".join(sorted(kinds))
    has_window = getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True)
    return "sliding" if has_window or kinds == {"sliding"} else "full"


def row(name: str, architecture: Architecture) -> str:
    """A row of the table."""
    config, modes = architecture.config, ", ".join(architecture.modes)
    return f"| {name} | `{config.model_type}` | {attention(config)} | {modes} |"


def table() -> str:
    """One row a family."""
    rows = [row(*named) for named in sorted(architectures().items())]
    return "\n".join(["| family | transformers' model type | attention | modes |", "|---|---|---|---|", *rows, ""])


def with_table(document: str) -> str:
    """The document with the table of today."""
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
