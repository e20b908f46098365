"""Requests as token ids: where the context ends, where the target begins, what is too long or empty.

One item is ``context + target``; the target is encoded alone, so that the boundary never depends on the context::

    rendered template, answer_prefix | target text | end of turn
    ------------ context ----------- | --------- target --------
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pmpo.contracts.scoring import ChatCompletionRequest, ChatMessage, PromptBody, ScoreExample, ScoreRequest
from pmpo.errors import EmptyTargetError, InvalidInputError, PlaceholderError, TooLongError
from pmpo.text.placeholders import fill, placeholders
from services.scorer.engines.base import TokenItem
from services.scorer.rendering.codec import SHORTEN, TextCodec
from services.scorer.rendering.memo import ContextMemo
from services.scorer.rendering.template import ChatTemplate


class Renderer:
    """Turns requests into token ids for one model.

    Attributes:
        contexts: the contexts that are remembered.
    """

    def __init__(self, codec: TextCodec, template: ChatTemplate, context_length: int, max_request_tokens: int) -> None:
        self._codec = codec
        self._template = template
        self._context_length = context_length
        self._max_request_tokens = max_request_tokens
        self.contexts = ContextMemo()

    def score_items(self, request: ScoreRequest) -> list[TokenItem]:
        """One item for each (prompt, example, target), in this order, the last index fastest.

        Raises:
            InvalidInputError: no prompts, no examples, an example without the input that a prompt needs, or more tokens
                than one request may hold.
            PlaceholderError: a prompt's placeholder has no field.
            EmptyTargetError: a target without tokens.
            TooLongError: an item that is longer than the model's context.
        """
        items: list[TokenItem] = []
        num_tokens = 0
        for item in self._items(request):
            items.append(item)
            num_tokens += item.num_tokens
            self._check_size(num_tokens, "tokens")
        return items

    def count_item_tokens(self, request: ScoreRequest) -> list[int]:
        """Context plus target tokens of each item of ``score_items``, for requests of any number of tokens.

        Raises:
            As ``score_items``, but for the number of tokens.
        """
        return [item.num_tokens for item in self._items(request)]

    def chat_prompt(self, request: ChatCompletionRequest) -> tuple[int, ...]:
        """Ids of the conversation up to the answer, ``answer_prefix`` included.

        Raises:
            TooLongError: the prompt and ``max_tokens`` do not fit into the model's context.
        """
        arguments, prefix = request.chat_template_kwargs, request.answer_prefix or ""
        self._template.check_names(arguments)
        self._template.check_effect(request.messages, arguments)
        with _told_of("the conversation"):
            context = self._template.context(request.messages, prefix, arguments, self._context_length)
        total = len(context) + request.max_tokens
        if total > self._context_length:
            raise TooLongError(
                f"the messages are {len(context)} tokens and max_tokens is {request.max_tokens}, together {total}; "
                f"the model's context is {self._context_length} tokens"
            )
        return context

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text alone, without special tokens.

        Raises:
            TooLongError: a text so long that it surely does not fit into the model's context.
        """
        return [len(self._encode(text, f"text {index}")) for index, text in enumerate(texts)]

    def _items(self, request: ScoreRequest) -> Iterator[TokenItem]:
        if not request.prompts or not request.examples:
            raise InvalidInputError(f"{'prompts' if not request.prompts else 'examples'}: give at least one")
        self._check_size(len(request.prompts) * sum(len(row.all_targets) for row in request.examples), "sequences")
        targets = [self._target_ids(request, index) for index in range(len(request.examples))]
        for prompt_index, prompt in enumerate(request.prompts):
            self._check_answers_place(request, prompt_index)
            for example_index, example in enumerate(request.examples):
                where = f"prompt {prompt_index} with example {example_index}"
                messages = _conversation(prompt, example, where)
                context = self._context(messages, request, where)
                for target in targets[example_index]:
                    item = TokenItem(context, target)
                    self._check_length(where, item.num_tokens)
                    yield item

    def _check_answers_place(self, request: ScoreRequest, prompt_index: int) -> None:
        """See that targets stand in the answer, and that template arguments are read, with the first example."""
        arguments, where = request.chat_template_kwargs, f"prompt {prompt_index} with example"
        messages = _conversation(request.prompts[prompt_index], request.examples[0], f"{where} 0")
        if prompt_index == 0:
            self._template.check_names(arguments)
            self._template.check_effect(messages, arguments)
        block = self._template.try_find_open_block(messages, request.answer_prefix, arguments)
        if block is not None:
            for index, example in enumerate(request.examples):
                block.check_targets(example.all_targets, f"{where} {index}")

    def _context(self, messages: list[ChatMessage], request: ScoreRequest, where: str) -> tuple[int, ...]:
        arguments = request.chat_template_kwargs

        def render() -> tuple[int, ...]:
            return self._template.context(messages, request.answer_prefix, arguments, self._context_length)

        with _told_of(where):
            return self.contexts.context(messages, request.answer_prefix, arguments, render)

    def _check_size(self, number: int, what: str) -> None:
        if number > self._max_request_tokens:
            raise InvalidInputError(
                f"the request holds more than {self._max_request_tokens} {what}, the most that may wait: "
                "send fewer prompts or examples at a time"
            )

    def _target_ids(self, request: ScoreRequest, index: int) -> list[tuple[int, ...]]:
        end = self._template.end_of_turn(request.chat_template_kwargs) if request.end_of_turn else ()
        found = []
        for target in request.examples[index].all_targets:
            with _told_of(f"prompt 0 with example {index}"):
                ids = self._codec.encode_target(target, max_tokens=self._context_length) if target else ()
            if not ids:
                raise EmptyTargetError(
                    f"the target of example {index} has no tokens: give it a text or leave the example out"
                )
            found.append(ids + end)
        return found

    def _encode(self, text: str, where: str) -> tuple[int, ...]:
        with _told_of(where):
            return self._codec.encode(text, literal=True, max_tokens=self._context_length)

    def _check_length(self, where: str, num_tokens: int) -> None:
        if num_tokens > self._context_length:
            raise TooLongError(
                f"{where} is {num_tokens} tokens; the model's context is {self._context_length} tokens: {SHORTEN}"
            )


@contextmanager
def _told_of(where: str) -> Iterator[None]:
    """Name the place of a text that is refused unencoded, in the words of ``_check_length``."""
    try:
        yield
    except TooLongError as error:
        raise TooLongError(f"{where} is {error.message}") from error


def _conversation(prompt: PromptBody, example: ScoreExample, where: str) -> list[ChatMessage]:
    """The messages of one prompt with one example; ``where`` names both in errors."""
    turns = [ChatMessage(role="system", content=prompt)] if isinstance(prompt, str) else prompt
    fields = example.all_fields
    if any(placeholders(turn.content) for turn in turns):
        try:
            filled = [fill(turn.content, fields) for turn in turns]
        except PlaceholderError as error:
            raise PlaceholderError(f"{where}: {error.message}") from error
        roles = ["user"] if isinstance(prompt, str) else [turn.role for turn in turns]
        return [ChatMessage.model_validate({"role": r, "content": text}) for r, text in zip(roles, filled, strict=True)]
    if "input" not in fields:
        raise InvalidInputError(f"{where}: the example has no input, and the prompt has no placeholders to fill")
    return [*turns, ChatMessage(role="user", content=fields["input"])]
