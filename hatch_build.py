"""What pmpo-server's build adds: the dependency on the same version of pmpo, and the bundled files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface


class SameVersion(MetadataHookInterface):
    """Makes ``dependencies``: the hook's own list in pyproject.toml, after ``pmpo`` at this very version."""

    def update(self, metadata: dict[str, Any]) -> None:
        metadata["dependencies"] = [f"pmpo=={metadata['version']}", *self.config["dependencies"]]


class Bundle(BuildHookInterface[Any]):
    """Puts nano (its files, not its training code or checkpoints) and the examples under ``services/_bundled``.

    An editable install takes both from the checkout (``services.bundled``), so nothing is added to it.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel" or version == "editable":
            return
        root = Path(self.root)
        nano = [path for path in (root / "models" / "nano").iterdir() if path.is_file()]
        examples = [path for path in (root / "examples").rglob("*") if path.is_file()]
        for path in sorted(nano):
            build_data["force_include"][str(path)] = f"services/_bundled/nano/{path.name}"
        for path in sorted(examples):
            name = path.relative_to(root / "examples").as_posix()
            if not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(root).parts):
                build_data["force_include"][str(path)] = f"services/_bundled/examples/{name}"
