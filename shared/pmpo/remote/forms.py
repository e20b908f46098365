"""The forms in which servers are asked to write: conversations, ours and other makers', and plain text.

Bodies hold what was asked for and no more: other servers refuse keys that they do not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pmpo.contracts.scoring import ChatCompletionRequest, ChatMessage, TemplateValue
from pmpo.optim.types import GenerationRequest

TURN_END = "\n\n"


class Form(Protocol):
    """One way to ask for samples."""

    @property
    def path(self) -> str:
        """The route under the base address."""

    def body(self, request: GenerationRequest, model: str | None) -> dict[str, Any]:
        """The JSON that asks for all samples of a request."""

    def text_of(self, choice: Mapping[str, Any]) -> Any:
        """The text of one choice of the answer, unchecked."""


class Chat:
    """``/v1/chat/completions``.

    Args:
        template: arguments for the chat template.
        is_ours: whether the server is a scorer of ours, which has a key for how an answer begins. Others are given the
            beginning as a message to go on with, in the words of vLLM and SGLang; who does not know them says so.
    """

    path = "/v1/chat/completions"

    def __init__(self, template: Mapping[str, TemplateValue], *, is_ours: bool) -> None:
        self._template = {"chat_template_kwargs": dict(template)} if template else {}
        self._is_ours = is_ours

    def body(self, request: GenerationRequest, model: str | None) -> dict[str, Any]:
        """As ``Form``."""
        turns = [ChatMessage.model_validate({"role": turn.role, "content": turn.content}) for turn in request.messages]
        body = ChatCompletionRequest(
            model=model,
            messages=turns,
            n=request.num_samples,
            temperature=request.temperature,
            top_p=request.top_p,
            max_tokens=request.max_tokens,
            seed=request.seed,
            stop=list(request.stop) or None,
            answer_prefix=(self._is_ours and request.answer_prefix) or None,
        ).model_dump(exclude_none=True, exclude_unset=True)
        if request.answer_prefix and not self._is_ours:
            body["messages"].append({"role": "assistant", "content": request.answer_prefix})
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return {**body, **self._template}

    def text_of(self, choice: Mapping[str, Any]) -> Any:
        """As ``Form``. An answer that was cut before it began, as a model's that is still thinking, is empty."""
        message = choice.get("message")
        text = message.get("content") if isinstance(message, dict) else None
        return "" if text is None and choice.get("finish_reason") == "length" else text


class Plain:
    """``/v1/completions``, for models without a chat template: the text that our scorer shows such a model."""

    path = "/v1/completions"

    def body(self, request: GenerationRequest, model: str | None) -> dict[str, Any]:
        """As ``Form``."""
        text = TURN_END.join(turn.content for turn in request.messages) + "\n" + request.answer_prefix
        body = {
            "prompt": text,
            "n": request.num_samples,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "max_tokens": request.max_tokens,
            "seed": request.seed,
        }
        stop = {"stop": list(request.stop)} if request.stop else {}
        return {**({"model": model} if model else {}), **body, **stop}

    def text_of(self, choice: Mapping[str, Any]) -> Any:
        """As ``Form``."""
        return choice.get("text")
