"""``POST /v1/completions`` with ``echo``: the prompt's own log-probabilities, from servers that keep an old promise.

Not every server that takes the request keeps it: llama.cpp's answers without the prompt's values and without an error.
Entry i is about token i, the first is null; with ``max_tokens`` 1 the generated token comes last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    finish_reason,
    sampling_options,
)
from services.scorer.generation.types import SamplingRequest

PATH = "/v1/completions"
_ID = "token_id:"


@dataclass(frozen=True, slots=True)
class Form:
    """One way to ask. ``with_ids``: vLLM's option to name tokens by id; other servers may refuse the key."""

    with_ids: bool
    logprobs: int
    max_tokens: int


FORMS = (Form(True, 0, 0), Form(False, 0, 0), Form(False, 1, 0), Form(False, 1, 1), Form(False, 0, 1))


class CompletionsEcho:
    """Echoed prompts."""

    def __init__(self, model: str, form: Form) -> None:
        self._model = model
        self._form = form

    @property
    def name(self) -> str:
        """What answers and messages call it."""
        return "completions_echo"

    def scoring(self, item: TokenItem, *, afresh: bool) -> Call:
        """Ask for an item's target."""
        form = self._form
        more = {"echo": True, "logprobs": form.logprobs, "max_tokens": form.max_tokens, "temperature": 0}
        return self._call(item.context + item.target, more)

    def read_scores(self, answer: Any, item: TokenItem) -> Reading:
        """The target's log-likelihoods."""
        values = entries(answer, "choices", 0, "logprobs", "token_logprobs", name=self.name)
        sent = item.context + item.target
        if len(values) - len(sent) not in {0, self._form.max_tokens}:
            raise UpstreamError(f"{self.name}: the server gave {len(values)} log-probabilities for {len(sent)} tokens")
        if values[0] is not None:
            raise UpstreamError(f"{self.name}: the first token has a log-probability, though nothing stands before it")
        self._check_tokens(answer, sent)
        found = values[len(item.context) : len(sent)]
        return Reading(as_nats(found, item, self.name), cached_tokens(answer))

    def greedy(self, context: Sequence[int]) -> Call:
        """Ask for the likeliest next token."""
        return self._call(context, {"logprobs": 1, "max_tokens": 1, "temperature": 0})

    def read_greedy(self, answer: Any) -> Greedy:
        """That token, by id where the server names ids."""
        found = field(answer, "choices", 0, "logprobs", name=self.name)
        text = str(field(found, "tokens", 0, name=self.name))
        token = int(text.removeprefix(_ID)) if text.startswith(_ID) else None
        return Greedy(token, float(field(found, "token_logprobs", 0, name=self.name)), text)

    def sampling(self, request: SamplingRequest, seed: int, end_ids: Sequence[int]) -> Call:
        """Ask for one sample. Servers of other makers know no ids to stop at: they stop where their model ends."""
        more = sampling_options(request, seed, end_ids)
        if not request.stops:
            del more["stop"]
        if not self._form.with_ids:
            del more["stop_token_ids"]
        return self._call(request.prompt, more)

    def read_sample(self, answer: Any) -> Drawn:
        """That sample."""
        choice = field(answer, "choices", 0, name=self.name)
        num_tokens = int(field(answer, "usage", "completion_tokens", name=self.name))
        text = str(field(choice, "text", name=self.name))
        return Drawn(None, text, num_tokens, finish_reason(choice.get("finish_reason")))

    def _call(self, ids: Sequence[int], more: dict[str, Any]) -> Call:
        extra = {"return_tokens_as_token_ids": True} if self._form.with_ids and "logprobs" in more else {}
        return Call(PATH, {"model": self._model, "prompt": list(ids), **more, **extra})

    def _check_tokens(self, answer: Any, sent: Sequence[int]) -> None:
        """Ids where they are named; the count of the prompt's tokens where the server gives one."""
        usage = answer.get("usage")
        counted = usage.get("prompt_tokens") if isinstance(usage, dict) else None
        if counted not in (None, len(sent)):
            raise UpstreamError(f"{self.name}: the server read {counted} tokens where {len(sent)} were sent")
        if self._form.with_ids:
            named = entries(answer, "choices", 0, "logprobs", "tokens", name=self.name)[: len(sent)]
            check_ids([str(name).removeprefix(_ID) for name in named], [str(token) for token in sent], self.name)
