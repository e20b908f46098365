"""The output formats."""

from __future__ import annotations

import json

FORMAT_NAMES = ("plain", "answer", "brackets", "json", "sentence", "quotes", "bold")


def apply_format(name: str, answer: str) -> str:
    """``answer`` as the format ``name`` writes it."""
    forms = {
        "plain": answer,
        "answer": f"Answer: {answer}",
        "brackets": f"[{answer}]",
        "json": json.dumps({"answer": answer}),
        "sentence": f"The answer is {answer}.",
        "quotes": f'"{answer}"',
        "bold": f"**{answer}**",
    }
    return forms[name]
