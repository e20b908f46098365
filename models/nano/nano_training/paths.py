"""Where the model's files lie."""

from __future__ import annotations

from pathlib import Path

MODEL_DIR = Path(__file__).resolve().parents[1]
CHECKPOINT_DIR = MODEL_DIR / "checkpoints"
REPOSITORY_DIR = MODEL_DIR.parents[1]
REPORT_FILE = MODEL_DIR / "report" / "report.json"
FACTS_FILE = MODEL_DIR / "report" / "training.json"
TRANSFER_FILE = MODEL_DIR / "report" / "transfer.json"
PLOTS_FILE = MODEL_DIR / "report" / "plots.svg"
