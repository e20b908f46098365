"""Where the files lie that ship with the services: nano, the embedded model, and the example jobs.

A wheel carries both under ``services/_bundled``. In a checkout (an editable install is one) they lie beside
``services/``. Nothing is looked up at import.
"""

from __future__ import annotations

from pathlib import Path

from pmpo.errors import ConfigurationError

PACKAGE_DIR = Path(__file__).resolve().parent


def nano_dir() -> Path:
    """The folder of the embedded model: configuration, weights, tokenizer, chat template and card.

    Raises:
        ConfigurationError: no model is there.
    """
    return _find("nano", Path("models") / "nano", "config.json")


def examples_dir() -> Path:
    """The folder of the example jobs and their data.

    Raises:
        ConfigurationError: no job is there.
    """
    return _find("examples", Path("examples"), "*.yaml")


def _find(bundled_name: str, checkout_path: Path, expected: str) -> Path:
    """The bundled folder if it is there, else the one beside ``services/``; it must hold a file ``expected``."""
    bundled = PACKAGE_DIR / "_bundled" / bundled_name
    found = bundled if bundled.is_dir() else PACKAGE_DIR.parent / checkout_path
    if not any(found.glob(expected)):
        raise ConfigurationError(
            f"no {expected} in {found}, where {bundled_name} should be: install pmpo-server again, "
            "or start from a complete checkout"
        )
    return found
