"""The machine's measured peak: floating-point operations a second of matrix products, the best over a few sizes.

Run as a process of its own, so that a benchmark without torch in it can ask: prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time

import torch

SIZES = {  # rows, inner, columns: square ones, and those of a small model's layers
    "cpu": ((2048, 2048, 2048), (4096, 4096, 4096), (2048, 896, 9728), (4096, 1536, 8960)),
    "cuda": ((4096, 4096, 4096), (8192, 8192, 8192), (8192, 3584, 18944), (16384, 8192, 8192)),
}
MIN_REPEATS = 5
MIN_S = 1.0


def measure(dtype: torch.dtype, device: str) -> dict[str, float]:
    """FLOP/s by size, the fastest of at least five products each."""
    return {"x".join(map(str, size)): _fastest(size, dtype, device) for size in SIZES[device]}


def _fastest(size: tuple[int, int, int], dtype: torch.dtype, device: str) -> float:
    rows, inner, columns = size
    left = torch.randn(rows, inner, device=device).to(dtype)
    right = torch.randn(columns, inner, device=device).to(dtype)
    torch.nn.functional.linear(left, right)
    times: list[float] = []
    while len(times) < MIN_REPEATS or sum(times) < MIN_S:
        _wait(device)
        started_at = time.perf_counter()
        torch.nn.functional.linear(left, right)
        _wait(device)
        times.append(time.perf_counter() - started_at)
    return 2.0 * rows * inner * columns / min(times)


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    """Print the peak and what it was the best of."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--dtype", default="float32")
    options.add_argument("--device", default="cpu")
    options.add_argument("--threads", type=int, default=0)
    chosen = options.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    with torch.inference_mode():
        sizes = measure(getattr(torch, chosen.dtype), chosen.device)
    print(json.dumps({"flops_per_s": max(sizes.values()), "sizes": sizes}))


if __name__ == "__main__":
    main()
