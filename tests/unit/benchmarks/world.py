"""Made-up pools: what is known of candidates whose quality is chosen."""

import numpy as np

from benchmarks.selecting.known import Floats, Known
from benchmarks.selecting.prices import Prices

PRICES = Prices(np.array([0.01, 0.0001, 0.0]), np.array([0.01, 0.0, 0.0, 0.005]))


def known_pool(losses: Floats, errors: Floats | None = None) -> Known:
    """Candidates with these losses; 25 tokens an item, 20 of them shared, answers of 5 tokens."""
    shape = losses.shape
    return Known(
        losses=losses,
        errors=(losses > 1.0).astype(np.float64) if errors is None else errors,
        item_tokens=np.full(shape, 25.0),
        shared_tokens=np.full(shape[0], 20.0),
        prompt_tokens=np.full(shape, 22.0),
        answer_tokens=np.full(shape, 5.0),
    )


def noisy_pool(num_candidates: int = 24, num_examples: int = 48, noise: float = 0.3, seed: int = 0) -> Known:
    """Candidates of rising quality in a random order, number 0 the worst; the best leads by 0.25 nats."""
    rng = np.random.default_rng(seed)
    quality = rng.permutation(np.linspace(0.75, 1.5, num_candidates - 1))
    quality[quality.argmin()] = 0.5
    losses = np.array([1.6, *quality])[:, None] + rng.normal(0, noise, (num_candidates, num_examples))
    return known_pool(losses)
