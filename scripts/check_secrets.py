"""Refuse files that hold a secret: ``python scripts/check_secrets.py [FILE ...]``; without files, all that git tracks.

Two ways to find one: the shapes that services give their keys, and random-looking text beside a name like ``password``.
A made-up one, in a test, is excused by the words ``made up`` in a comment of its line.
"""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

SHAPES = {
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "PMPO key": r"\bpmpo_[0-9a-f]{12}_[0-9a-f]{64}\b",
    "webhook secret": r"\bwhsec_[A-Za-z0-9+/=]{32,}",
    "AWS key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})",
    "GitLab token": r"\bglpat-[A-Za-z0-9_-]{20}",
    "Hugging Face token": r"\bhf_[A-Za-z0-9]{34}\b",
    "model server key": r"\bsk-[A-Za-z0-9_-]{24,}",
    "Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "Google key": r"\bAIza[0-9A-Za-z_-]{35}",
    "PyPI token": r"\bpypi-[A-Za-z0-9_-]{40,}",
    "signed token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
}
KNOWN = re.compile("|".join(f"(?P<_{number}>{shape})" for number, shape in enumerate(SHAPES.values())))
ASSIGNED = re.compile(
    r"(?i)(?:key|secret|token|passw(?:or)?d|credential)[\w-]*[\"']?\s*[:=]\s*[\"']?(?P<value>[A-Za-z0-9+/_=-]{20,})"
)
EXCUSE = "made up"
MIN_BITS_PER_CHARACTER = 3.5  # random hexadecimal has almost 4, random base64 more, words and paths of one case less
MAX_FILE_BYTES = 2**20


def main(arguments: Sequence[str]) -> int:
    """Print every finding with its place, never the secret itself; 1 when there is one."""
    findings = [found for path in map(Path, arguments or tracked()) for found in scan(path)]
    for found in findings:
        print(found)
    return 1 if findings else 0


def tracked() -> list[str]:
    """The files that git tracks or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603 (fixed words)
    return [name for name in listed.decode().split("\0") if name]


def scan(path: Path) -> Iterator[str]:
    """What stands in one file, by line; a file that is no text or very large has none."""
    if not path.is_file() or path.is_symlink() or path.stat().st_size > MAX_FILE_BYTES:
        return
    content = path.read_bytes()
    if b"\0" in content:
        return
    for number, line in enumerate(content.decode(errors="replace").splitlines(), start=1):
        what = kind_of_secret(line)
        if what is not None and EXCUSE not in line:
            yield f"{path}:{number}: this looks like a {what}: take it out, revoke it, and read it from a variable"


def kind_of_secret(line: str) -> str | None:
    """What a line seems to hold; None for nothing."""
    known = KNOWN.search(line)
    if known is not None:
        return list(SHAPES)[int(str(known.lastgroup)[1:])]
    for assigned in ASSIGNED.finditer(line):
        if is_random(assigned["value"]):
            return "secret"
    return None


def is_random(value: str) -> bool:
    """Whether a value looks drawn rather than written: digits and letters mixed, and many bits a character."""
    is_mixed = bool(re.search(r"\d", value)) and bool(re.search(r"[A-Za-z]", value))
    return is_mixed and bits_per_character(value) >= MIN_BITS_PER_CHARACTER


def bits_per_character(value: str) -> float:
    """Shannon entropy of the value's own characters."""
    return -sum(count / len(value) * math.log2(count / len(value)) for count in Counter(value).values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
