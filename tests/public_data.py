"""Where the public data sets lie, which are not part of the repository."""

import os
from pathlib import Path

import pytest


def public_data() -> Path:
    """The folder that PMPO_DATA_DIR names; without the file in it that tests read, the calling test is skipped."""
    folder = Path(os.environ.get("PMPO_DATA_DIR", "no such folder")).absolute()
    if not (folder / "bbh" / "bbh" / "navigate.json").is_file():
        pytest.skip("PMPO_DATA_DIR does not name a folder with bbh/bbh/navigate.json")
    return folder
