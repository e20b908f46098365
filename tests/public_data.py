"""Where the public data sets lie, which are not part of the repository."""

import os
from pathlib import Path

import pytest


def public_data(file: str = "bbh/bbh/navigate.json") -> Path:
    """The folder that PMPO_DATA_DIR names; without ``file`` in it, the calling test is skipped."""
    folder = Path(os.environ.get("PMPO_DATA_DIR", "no such folder")).absolute()
    if not (folder / file).is_file():
        pytest.skip(f"PMPO_DATA_DIR does not name a folder with {file}")
    return folder
