import re
import subprocess

from tests.architecture.repository import ROOT, make_targets


def test_help_is_the_default_and_lists_every_target() -> None:
    result = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = set(re.findall(r"^  make ([a-z-]+) ", result.stdout, re.MULTILINE))
    assert listed == make_targets()
    assert {"help", "demo", "up", "test", "check", "fix", "train-nano"} <= listed


def test_every_listed_target_is_phony() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony is not None
    assert set(phony.group(1).split()) == make_targets()
