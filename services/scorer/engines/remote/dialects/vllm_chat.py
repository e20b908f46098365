"""vLLM's ``POST /v1/chat/completions`` with ``prompt_logprobs``: the last resort, where a gateway shows nothing else.

The route takes text, so the ids are decoded, sent through a template that passes the text on as it is (a server started
with ``--trust-request-chat-template``), and compared with the ids that the server then read. An item whose text does
not give back its ids, as with data that holds a control token's text, is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pmpo.errors import UpstreamError
from services.scorer.engines.base import TokenItem
from services.scorer.engines.remote.dialects.base import (
    Call,
    Drawn,
    Greedy,
    Reading,
    as_nats,
    cached_tokens,
    check_ids,
    entries,
    field,
    read_ids,
    sampling_options,
)
from services.scorer.engines.remote.dialects.vllm_generate import prompt_rows
from services.scorer.generation.types import SamplingRequest

PATH = "/v1/chat/completions"
PASS_ON = "{{ messages[0]['content'] }}"  # noqa: S105 (a template)


class VllmChat:
    """Chat with a template that adds nothing. ``decode`` gives the text of ids, control tokens included."""

    def __init__(self, model: str, decode: Callable[[Sequence[int]], str]) -> None:
        self._model = model
        self._decode = decode

    @property
    def name(self) -> str:
        """What answers and messages call it."""
        return "vllm_chat"

    def scoring(self, item: TokenItem, *, afresh: bool) -> Call:
        """Ask for an item's target."""
        return self._call(item.context + item.target, {"prompt_logprobs": 0, "max_tokens": 1, "temperature": 0})

    def read_scores(self, answer: Any, item: TokenItem) -> Reading:
        """The target's log-likelihoods."""
        self._check_prompt(answer, item.context + item.target)
        rows = entries(answer, "prompt_logprobs", name=self.name)
        return Reading(as_nats(prompt_rows(rows, item, self.name), item, self.name), cached_tokens(answer))

    def greedy(self, context: Sequence[int]) -> Call:
        """Ask for the likeliest next token."""
        more = {"logprobs": True, "top_logprobs": 0, "max_tokens": 1, "temperature": 0}
        return self._call(context, more)

    def read_greedy(self, answer: Any) -> Greedy:
        """That token."""
        choice = field(answer, "choices", 0, name=self.name)
        nats = float(field(choice, "logprobs", "content", 0, "logprob", name=self.name))
        return Greedy(int(entries(choice, "token_ids", name=self.name)[0]), nats)

    def sampling(self, request: SamplingRequest, seed: int, end_ids: Sequence[int]) -> Call:
        """Ask for one sample."""
        return self._call(request.prompt, sampling_options(request, seed, end_ids))

    def read_sample(self, answer: Any) -> Drawn:
        """That sample."""
        return read_ids(answer, self.name)

    def _check_prompt(self, answer: Any, sent: Sequence[int]) -> None:
        try:
            check_ids(entries(answer, "prompt_token_ids", name=self.name), sent, self.name)
        except UpstreamError as error:
            raise UpstreamError(f"{error.message}; this route takes text only: use one that takes ids") from None

    def _call(self, ids: Sequence[int], more: dict[str, Any]) -> Call:
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": self._decode(ids)}],
            "chat_template": PASS_ON,
            "add_special_tokens": False,
            "return_token_ids": True,
        }
        return Call(PATH, {**body, **more})
