"""lm-evaluation-harness: ``HFLM._loglikelihood_tokens``, which its tasks end in; token ids in, sums out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from lm_eval.models.huggingface import HFLM
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from benchmarks.scoring_speed.contenders.loaded import PACKAGES, load
from benchmarks.scoring_speed.contenders.serving import Loading, Scored, serve
from benchmarks.scoring_speed.shapes import Item

MAX_LOGIT_BYTES = {"cpu": 2**30, "cuda": 8 * 2**30}
LONGEST = 700


class Harness:
    """Scores with the harness's own batches of a fixed number of sequences, sorted by length."""

    packages = ("lm_eval", *PACKAGES)

    def __init__(self, harness: HFLM) -> None:
        self._harness = harness

    def size(self) -> None:
        """See ``Contender``."""

    def score(self, variant: str, items: Sequence[Item]) -> Scored:
        """See ``Contender``."""
        requests = [(("", ""), list(context), list(target)) for context, target in items]
        answers = self._harness._loglikelihood_tokens(requests, disable_tqdm=True)
        return Scored([float(total) for total, _ in answers])


def open_contender(loading: Loading) -> Harness:
    """Loaded; the batch is as large as the padded contender's: the same tokens and the same bytes of logits."""
    model = load(loading)
    vocabulary = model.get_output_embeddings().weight.shape[0]
    rows = min(loading.batch_tokens, MAX_LOGIT_BYTES[loading.device] // (4 * vocabulary))
    harness = HFLM(
        pretrained=model,
        tokenizer=_no_words(),
        device=loading.device,
        dtype=getattr(torch, loading.dtype),
        batch_size=max(1, rows // LONGEST),
    )
    return Harness(harness)


def _no_words() -> PreTrainedTokenizerFast:
    """A tokenizer to satisfy the constructor: it is never asked, for ids come ready."""
    words = Tokenizer(models.WordLevel({"<end>": 0}, unk_token="<end>"))
    return PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>", pad_token="<end>")


if __name__ == "__main__":
    serve(open_contender)
