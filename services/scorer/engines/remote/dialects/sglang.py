"""SGLang's ``POST /generate``: ids in, the target's log-probabilities out, the prefix taken from its cache.

Entries begin at ``logprob_start_len`` and the first of them is null (c = context, t = target)::

    sent        c0 c1 c2 t0 t1     logprob_start_len = len(context) - 1
    entries        null t0 t1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pmpo.errors import UpstreamError
from services.scorer.engines.base import TokenItem
from services.scorer.engines.remote.dialects.base import (
    Call,
    Drawn,
    Greedy,
    Reading,
    as_nats,
    check_ids,
    entries,
    field,
    finish_reason,
)
from services.scorer.generation.types import SamplingRequest

PATH = "/generate"


class SglangGenerate:
    """SGLang's own route. A seed is not sent: not every version takes one, so samples differ from call to call."""

    @property
    def name(self) -> str:
        """What answers and messages call it."""
        return "sglang"

    def scoring(self, item: TokenItem, *, afresh: bool) -> Call:
        """Ask for an item's target."""
        more = {"return_logprob": True, "logprob_start_len": len(item.context) - 1}
        return _call(item.context + item.target, {"max_new_tokens": 0, "temperature": 0}, more)

    def read_scores(self, answer: Any, item: TokenItem) -> Reading:
        """The target's log-likelihoods."""
        found = entries(answer, "meta_info", "input_token_logprobs", name=self.name)
        if len(found) != len(item.target) + 1 or not all(
            isinstance(entry, list) and len(entry) >= 2 for entry in found
        ):
            raise UpstreamError(
                f"{self.name}: the server gave {len(found)} log-probabilities for a target of {len(item.target)} tokens"
            )
        check_ids([entry[1] for entry in found], (item.context[-1], *item.target), self.name)
        num_cached = answer["meta_info"].get("cached_tokens")
        values = as_nats([entry[0] for entry in found[1:]], item, self.name)
        return Reading(values, num_cached if isinstance(num_cached, int) else 0)

    def greedy(self, context: Sequence[int]) -> Call:
        """Ask for the likeliest next token."""
        return _call(context, {"max_new_tokens": 1, "temperature": 0}, {"return_logprob": True})

    def read_greedy(self, answer: Any) -> Greedy:
        """That token."""
        first = entries(answer, "meta_info", "output_token_logprobs", 0, name=self.name)
        return Greedy(int(field(first, 1, name=self.name)), float(field(first, 0, name=self.name)))

    def sampling(self, request: SamplingRequest, seed: int, end_ids: Sequence[int]) -> Call:
        """Ask for one sample."""
        sampling = {
            "max_new_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "stop": list(request.stops),
            "stop_token_ids": sorted(end_ids),
        }
        return _call(request.prompt, sampling, {})

    def read_sample(self, answer: Any) -> Drawn:
        """That sample: its text, as ids are not told by every version."""
        info = field(answer, "meta_info", name=self.name)
        reason = info.get("finish_reason")
        kind = reason.get("type") if isinstance(reason, dict) else reason
        num_tokens = int(field(info, "completion_tokens", name=self.name))
        return Drawn(None, str(field(answer, "text", name=self.name)), num_tokens, finish_reason(kind))


def _call(ids: Sequence[int], sampling: Mapping[str, Any], more: Mapping[str, Any]) -> Call:
    return Call(PATH, {"input_ids": list(ids), "sampling_params": dict(sampling), **more})
