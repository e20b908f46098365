"""The torch engine: every token that sequences share is run once, the output layer only where a target is predicted.

``engine`` offers it; ``modes`` says which models share how; a module each for what a mode does.
"""

from services.scorer.engines.torch_tree.engine import TorchTreeEngine
from services.scorer.engines.torch_tree.plain import slow_log_likelihoods

__all__ = ["TorchTreeEngine", "slow_log_likelihoods"]
