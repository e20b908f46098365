"""The output layer, only at rows from which something is predicted, and never all of its logits at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from transformers import PreTrainedModel

from services.scorer.engines.torch_tree.exact import exact_products

BLOCK_ROWS = 1024
BLOCK_TOKENS = 2048  # of the vocabulary, on the CPU: logits of one block stay near, and the weights' conversion pays
MAX_LOGIT_BYTES = 256 * 2**20
MAX_PAIR_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class OutputLayer:
    """From hidden states to log-probabilities in float32.

    Equals ``log_softmax(logits.float())[token]`` with ``logits = cap(factor * (hidden weight^T + bias))``, the product
    accumulated in float32.

    Attributes:
        weight, bias: (vocabulary, width) and (vocabulary,) or None.
        factor: of the logits (Cohere's ``logit_scale``, Granite's ``1 / logits_scaling``).
        softcap: logits are squashed to below this (Gemma 2); None: they are not.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None
    factor: float
    softcap: float | None

    @classmethod
    def of(cls, model: PreTrainedModel) -> OutputLayer:
        """The output layer of a causal language model."""
        head = model.get_output_embeddings()
        config = model.config.get_text_config()
        factor = (getattr(config, "logit_scale", None) or 1.0) / (getattr(config, "logits_scaling", None) or 1.0)
        softcap = getattr(config, "final_logit_softcapping", None)
        return cls(head.weight, getattr(head, "bias", None), float(factor), softcap)

    def log_probabilities(self, hidden: torch.Tensor, rows: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """(values,) float32 log-probability of each token after its row.

        Args:
            hidden: (rows, width).
            rows: (values,) rows of ``hidden``.
            tokens: (values,) the tokens whose probabilities are wanted there.
        """
        normalisers = torch.cat([self._normalisers(part) for part in hidden.split(self._rows_at_once())])
        chunk = max(1, MAX_PAIR_BYTES // (8 * hidden.shape[1]))
        pairs = zip(rows.split(chunk), tokens.split(chunk), strict=True)
        logits = torch.cat([self._logits_of_pairs(hidden[row], token) for row, token in pairs])
        return (logits - normalisers[rows]).clamp_(max=0.0)  # rounding may put a certain token above 1

    def _rows_at_once(self) -> int:
        at_once = BLOCK_TOKENS if self.weight.device.type == "cpu" else len(self.weight)
        return max(1, min(BLOCK_ROWS, MAX_LOGIT_BYTES // (4 * at_once)))

    def _logits_of_pairs(self, hidden: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        products = (hidden.float() * self.weight[tokens].float()).sum(-1)
        return self._finished(products if self.bias is None else products + self.bias[tokens].float())

    def _normalisers(self, hidden: torch.Tensor) -> torch.Tensor:
        """(rows,) log of the sum of the exponentials of all logits."""
        if self.weight.device.type != "cpu":
            return self._logits(hidden, slice(None)).logsumexp(-1)
        found = hidden.new_full((len(hidden),), -torch.inf, dtype=torch.float32)
        with exact_products(self.weight.dtype):
            for start in range(0, len(self.weight), BLOCK_TOKENS):
                block = self._logits(hidden, slice(start, start + BLOCK_TOKENS))
                found = torch.logaddexp(found, block.logsumexp(-1))
        return found

    def _logits(self, hidden: torch.Tensor, block: slice) -> torch.Tensor:
        """(rows, block of the vocabulary) float32."""
        weight = self.weight[block]
        if hidden.is_cuda and hidden.dtype != torch.float32:
            logits = torch.mm(hidden, weight.t(), out_dtype=torch.float32)
        else:
            logits = F.linear(hidden.float(), weight.float())
        return self._finished(logits if self.bias is None else logits.add_(self.bias[block].float()))

    def _finished(self, logits: torch.Tensor) -> torch.Tensor:
        if self.factor != 1.0:
            logits = logits * self.factor
        return logits if self.softcap is None else self.softcap * torch.tanh(logits / self.softcap)
