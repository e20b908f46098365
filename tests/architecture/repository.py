"""What is in the repository: the files that git tracks or would track."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def files() -> list[Path]:
    """Tracked files, and new ones that git does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / name for name in sorted(set(listed.stdout.split("\0"))) if name]
    return [path for path in paths if path.is_file()]


def texts() -> dict[str, str]:
    """Text of each file that is UTF-8, by its path in the repository."""
    found = {}
    for path in files():
        data = path.read_bytes()
        if b"\0" not in data[:8192]:
            found[path.relative_to(ROOT).as_posix()] = data.decode("utf-8", errors="replace")
    return found


def documents() -> dict[str, str]:
    """Text of the README and of everything in docs/, by path."""
    return {
        name: text
        for name, text in texts().items()
        if name.endswith(".md") and (name.startswith("docs/") or "/" not in name)
    }


def make_targets() -> set[str]:
    """Names that ``make`` lists for users."""
    return set(re.findall(r"^([a-z][a-z-]*):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def code_blocks(markdown: str, *languages: str) -> list[str]:
    """Fenced blocks of the given languages."""
    return [body for language, body in _FENCE.findall(markdown) if language in languages]


def code_spans(markdown: str) -> list[str]:
    """Everything that is set as code: fenced blocks and spans between backticks."""
    blocks = [body for _, body in _FENCE.findall(markdown)]
    return blocks + re.findall(r"`([^`\n]+)`", _FENCE.sub("", markdown))
