"""Seeds of single samples, for engines that are asked for one sample at a time."""

from __future__ import annotations

import hashlib


def sample_seed(seed: int, sample_index: int) -> int:
    """A seed of 63 bits for one sample of a request: neighbouring requests and samples share no stream."""
    digest = hashlib.sha256(f"{seed}:{sample_index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
