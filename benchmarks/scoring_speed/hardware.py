"""Which machine this is, asked of torch in a process of its own. Run as a module it prints one JSON object."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.machine import processor_name
from benchmarks.scoring_speed.cases import Machine
from benchmarks.scoring_speed.processes import run_module

BF16_CPU_FLAGS = {"avx512_bf16", "amx_bf16"}


def find_machine(device: str, *, is_thorough: bool) -> Machine:
    """The accelerator when there is one and ``device`` is not cpu. Raises ContenderError: torch does not import."""
    gpu = None if device == "cpu" else json.loads(run_module("hardware", [], 1))["gpu"]
    if gpu is not None:
        return Machine("cuda", gpu, "bfloat16", is_thorough)
    return Machine("cpu", processor_name(), "bfloat16" if _has_bf16() else "float32", is_thorough)


def _has_bf16() -> bool:
    """Does the processor multiply bfloat16 in hardware? Elsewhere it is slower than float32."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return False
    return bool(BF16_CPU_FLAGS & set(cpuinfo.read_text(encoding="utf-8").split()))


def main() -> None:
    """Print the GPU's name, or null."""
    import torch

    print(json.dumps({"gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None}))


if __name__ == "__main__":
    main()
