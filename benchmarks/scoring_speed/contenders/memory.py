"""Peak memory of one pass: of the process on a CPU (Linux), of torch's allocator on a GPU."""

from __future__ import annotations

import ctypes
import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


class Meter:
    """Reads bytes. Where a peak cannot be reset (not Linux), it is that of the whole process so far."""

    def __init__(self, device: str) -> None:
        self._on_gpu = device == "cuda"

    def reset(self) -> None:
        """Give freed memory back, then forget the peak so far."""
        if self._on_gpu:
            import torch

            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        elif sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)
            try:
                _CLEAR.write_text(_RESET_PEAK)
            except OSError:  # a sandbox may forbid it
                return

    def resident(self) -> int:
        """Bytes held now."""
        if self._on_gpu:
            import torch

            return int(torch.cuda.memory_allocated())
        return _from_status("VmRSS") or _largest_so_far()

    def peak(self) -> int:
        """The most since ``reset``."""
        if self._on_gpu:
            import torch

            return int(torch.cuda.max_memory_allocated())
        return _from_status("VmHWM") or _largest_so_far()


def _from_status(field: str) -> int:
    """Bytes; 0 where there is no such file."""
    if not _STATUS.exists():
        return 0
    lines = _STATUS.read_text(encoding="utf-8").splitlines()
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)


def _largest_so_far() -> int:
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else 1024 * largest
