"""Rewrites and answers from the vLLM that scores: one GPU does both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pmpo.errors import PmpoError
from services.scorer.engines.vllm_local.calls import VllmCalls, Written
from services.scorer.generation.endings import answer_text
from services.scorer.generation.seeds import sample_seed
from services.scorer.generation.types import Sample, SamplingRequest
from services.scorer.rendering.codec import TextCodec


class VllmLocalGenerator:
    """Samples with vLLM. Every sample is a call with a seed of its own; a prompt's cache is shared by its samples."""

    def __init__(self, calls: VllmCalls, codec: TextCodec, end_ids: frozenset[int]) -> None:
        self._calls = calls
        self._codec = codec
        self._end_ids = end_ids

    def generate(self, requests: Sequence[SamplingRequest]) -> list[tuple[Sample, ...] | PmpoError]:
        """For each request its samples in order."""
        wanted = [(request, index) for request in requests for index in range(request.num_samples)]
        written = iter(
            self._calls.write(
                [request.prompt for request, _ in wanted], [self._params(request, index) for request, index in wanted]
            )
        )
        return [tuple(self._sample(next(written), each) for _ in range(each.num_samples)) for each in requests]

    def _params(self, request: SamplingRequest, index: int) -> dict[str, Any]:
        return {
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "seed": sample_seed(request.seed, index),
            "stop": list(request.stops),
            "stop_token_ids": sorted(self._end_ids),
        }

    def _sample(self, written: Written, request: SamplingRequest) -> Sample:
        text = answer_text(self._codec, written.ids, self._end_ids, request.stops)
        return Sample(text, len(written.ids), "length" if written.is_cut else "stop")
