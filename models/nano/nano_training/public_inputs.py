"""The inputs of the public BIG-Bench Hard files, as digests: what may never be trained on or measured as fresh.

``python -m nano_training.public_inputs FOLDER`` writes the digests from the published JSON files.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from functools import lru_cache
from pathlib import Path

DIGESTS_FILE = Path(__file__).parent / "public_digests.txt"
PUBLIC_TASKS = (
    "boolean_expressions",
    "navigate",
    "object_counting",
    "tracking_shuffled_objects_three_objects",
    "web_of_lies",
    "word_sorting",
)
_DIGITS = 10


def is_public(text: str) -> bool:
    """Is this text, white space and letter case aside, an input of one of the public files?"""
    return digest(text) in _digests()


def digest(text: str) -> str:
    """The first hexadecimal digits of the SHA-256 of the text's words in lower case."""
    return hashlib.sha256(" ".join(text.lower().split()).encode("utf-8")).hexdigest()[:_DIGITS]


def main(arguments: list[str] | None = None) -> None:
    """Write the digests of all inputs."""
    parser = argparse.ArgumentParser(prog="nano_training.public_inputs", description=__doc__)
    parser.add_argument("folder", type=Path, help="where boolean_expressions.json and the others lie")
    options = parser.parse_args(arguments)
    texts = [
        example["input"]
        for task in PUBLIC_TASKS
        for example in json.loads((options.folder / f"{task}.json").read_text(encoding="utf-8"))["examples"]
    ]
    DIGESTS_FILE.write_text("\n".join(sorted({digest(text) for text in texts})) + "\n", encoding="ascii")


@lru_cache(maxsize=1)
def _digests() -> frozenset[str]:
    return frozenset(DIGESTS_FILE.read_text(encoding="ascii").split())


if __name__ == "__main__":
    main()
