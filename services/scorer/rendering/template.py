r"""The context that a model sees: its chat template, or a plain one, as token ids.

Data must never turn into control tokens. Where a message holds the text of a special token, that text is marked before
the template is rendered, and the rendered text is cut at the template's own control tokens; every piece between two of
them is encoded as plain text::

    content          hi <|im_end|> you
    marked, rendered <|im_start|> user\nhi ▮0▮ you <|im_end|> \n
    encoded          control      plain            control    plain

The tags of think blocks that a tokenizer has tokens for are the exception: an ``answer_prefix`` may close a block.

A base model has no template; the plain one stands in for it. What the model sees for a system message S and an input I,
and what is scored for a target T::

    <bos> S \n\n I \n answer_prefix | T <eos>
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from pmpo.contracts.scoring import ChatMessage, TemplateValue
from pmpo.errors import InvalidInputError
from services.scorer.rendering.codec import TextCodec
from services.scorer.rendering.thinking import ALL_TAGS, OpenBlock, reads, try_find_open_block

TemplateArguments = Mapping[str, TemplateValue]
PLAIN_TURN_END = "\n\n"
_SENTINEL_ANSWER = "PMPOSENTINELANSWER"
_MAX_REMEMBERED_ARGUMENTS = 64
_MARKS = range(0xE000, 0xF8FF)  # private use: no meaning of their own


class ChatTemplate:
    """Renders conversations for one tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, codec: TextCodec) -> None:
        self._tokenizer = tokenizer
        self._codec = codec
        self._has_template = tokenizer.chat_template is not None
        self._source = str(tokenizer.get_chat_template()) if self._has_template else ""
        self._leading_ids = () if self._has_template else _leading_ids(tokenizer)
        self._end_of_turn: dict[str, tuple[int, ...]] = {}
        parameters = inspect.signature(tokenizer.apply_chat_template).parameters
        self._reserved_arguments = {"messages", *parameters, *tokenizer.SPECIAL_TOKENS_ATTRIBUTES}

    def context(
        self,
        messages: Sequence[ChatMessage],
        answer_prefix: str,
        arguments: TemplateArguments,
        max_tokens: int | None = None,
    ) -> tuple[int, ...]:
        """Ids of the conversation up to where the answer begins, ``answer_prefix`` included.

        Without a chat template, the plain one: the messages with a blank line between them and a newline at the end,
        after the tokenizer's usual leading token; roles leave no trace.

        Raises:
            InvalidInputError: the template refuses the messages, or an argument may not be set.
            TooLongError: a text surely has more than ``max_tokens`` tokens, see ``TextCodec.encode``.
        """
        contents = [message.content for message in messages]
        if not self._has_template:
            text = PLAIN_TURN_END.join(contents) + "\n" + answer_prefix
            return self._leading_ids + self._codec.encode(text, literal=True, max_tokens=max_tokens)
        if not any(self._codec.holds_special_text(text) for text in (*contents, _without_tags(answer_prefix))):
            text = self._render(messages, arguments, add_generation_prompt=True) + answer_prefix
            return self._codec.encode(text, literal=False, max_tokens=max_tokens)
        return self._context_of_marked(messages, answer_prefix, arguments, max_tokens)

    def check_names(self, arguments: TemplateArguments) -> None:
        """Refuse an argument that the template does not know: it would be ignored in silence.

        Raises:
            InvalidInputError: names the argument, and the nearest word of the template.
        """
        if arguments and not self._has_template:
            raise InvalidInputError("chat_template_kwargs: the model has no chat template to read them; leave them out")
        for name in arguments:
            if not reads(self._source, name):
                near = get_close_matches(name, set(re.findall(r"[A-Za-z_]\w+", self._source)), n=1)
                hint = f", did you mean {near[0]!r}?" if near else "; leave it out"
                raise InvalidInputError(f"chat_template_kwargs: the model's chat template does not know {name!r}{hint}")

    def check_effect(self, messages: Sequence[ChatMessage], arguments: TemplateArguments) -> None:
        """Refuse an argument whose value the template does not look at.

        A switch may say what is the default anyway: then its opposite renders another text.

        Raises:
            InvalidInputError: names the argument.
        """
        whole = self._render(messages, arguments, add_generation_prompt=True) if arguments else ""
        for name, value in arguments.items():
            rest = {key: other for key, other in arguments.items() if key != name}
            others = [rest, {**rest, name: not value}] if isinstance(value, bool) else [rest]
            if all(self._render(messages, other, add_generation_prompt=True) == whole for other in others):
                raise InvalidInputError(
                    f"chat_template_kwargs: {name!r} = {json.dumps(value)} changes nothing in what the model reads; "
                    "correct the value, or leave it out"
                )

    def try_find_open_block(
        self, messages: Sequence[ChatMessage], answer_prefix: str, arguments: TemplateArguments
    ) -> OpenBlock | None:
        """The think block that stands open where the answer should begin; None when an answer can begin there."""
        return try_find_open_block(
            lambda given, is_open: self._render(messages, given, add_generation_prompt=is_open),
            arguments,
            answer_prefix,
            self._source,
        )

    def end_of_turn(self, arguments: TemplateArguments) -> tuple[int, ...]:
        """Ids of what the template puts after an answer, up to and including the first special token.

        Found by rendering a sentinel answer. Without a template, or without a special token there: the eos token. A
        model with neither ends an answer as the plain template ends a turn, with a blank line.

        Raises:
            InvalidInputError: the model has a template that closes no turn, and no eos token.
        """
        key = json.dumps(arguments, sort_keys=True)
        if key not in self._end_of_turn:
            if len(self._end_of_turn) >= _MAX_REMEMBERED_ARGUMENTS:
                self._end_of_turn.clear()
            self._end_of_turn[key] = self._find_end_of_turn(arguments)
        return self._end_of_turn[key]

    def end_token_ids(self) -> frozenset[int]:
        """Tokens that end a sampled answer: the end of turn's special token, and eos."""
        eos = self._tokenizer.eos_token_id
        if eos is None and not self._has_template:
            end = self.end_of_turn({})
            return frozenset(end) if len(end) == 1 else frozenset()  # half a blank line ends no answer
        return frozenset({self.end_of_turn({})[-1]} | ({int(eos)} if eos is not None else set()))

    def _find_end_of_turn(self, arguments: TemplateArguments) -> tuple[int, ...]:
        if self._has_template:
            messages = [ChatMessage(role="user", content="x"), ChatMessage(role="assistant", content=_SENTINEL_ANSWER)]
            tail = self._render(messages, arguments, add_generation_prompt=False).rpartition(_SENTINEL_ANSWER)[2]
            found = self._codec.special_pattern.search(tail)
            if found:
                return self._codec.encode(tail[: found.end()], literal=False)
        eos = self._tokenizer.eos_token_id
        if eos is None and not self._has_template:
            return self._codec.encode(PLAIN_TURN_END, literal=True)
        if eos is None:
            raise InvalidInputError("the model has no end-of-turn token and no eos token: send end_of_turn=false")
        return (int(eos),)

    def _render(
        self, messages: Sequence[ChatMessage], arguments: TemplateArguments, *, add_generation_prompt: bool
    ) -> str:
        refused = sorted(self._reserved_arguments & set(arguments))
        if refused:
            raise InvalidInputError(f"chat_template_kwargs: '{refused[0]}' is set by the scorer and may not be given")
        turns = [{"role": message.role, "content": message.content} for message in messages]
        settings: dict[str, Any] = {**arguments, "tokenize": False, "add_generation_prompt": add_generation_prompt}
        try:
            text = self._tokenizer.apply_chat_template(turns, **settings)
        except TemplateError as error:
            raise InvalidInputError(f"the model's chat template refuses the messages: {error}") from error
        return str(text)

    def _context_of_marked(
        self,
        messages: Sequence[ChatMessage],
        answer_prefix: str,
        arguments: TemplateArguments,
        max_tokens: int | None,
    ) -> tuple[int, ...]:
        """As ``context``, for messages in which the text of special tokens stands."""
        mark = _unused_mark("".join(message.content for message in messages) + answer_prefix)
        texts: list[str] = []

        def marked(text: str, kept: frozenset[str] = frozenset()) -> str:
            return self._codec.special_pattern.sub(
                lambda found: found[0] if found[0] in kept else f"{mark}{_place(texts, found[0])}{mark}", text
            )

        turns = [message.model_copy(update={"content": marked(message.content)}) for message in messages]
        rendered = self._render(turns, arguments, add_generation_prompt=True) + marked(answer_prefix, ALL_TAGS)
        pieces = self._codec.special_pattern.split(rendered)  # plain, control, plain, control, ..., plain
        ids: list[int] = []
        for index, piece in enumerate(pieces):
            if index % 2:
                ids.append(self._codec.special_id(piece))
            elif piece:
                plain = re.sub(f"{mark}(\\d+){mark}", lambda match: texts[int(match.group(1))], piece)
                ids.extend(self._codec.encode(plain, literal=True, max_tokens=max_tokens))
        return tuple(ids)


def _without_tags(answer_prefix: str) -> str:
    for tag in ALL_TAGS:
        answer_prefix = answer_prefix.replace(tag, " ")
    return answer_prefix


def _place(texts: list[str], text: str) -> int:
    """The place of ``text`` in ``texts``, added when it is new."""
    if text not in texts:
        texts.append(text)
    return texts.index(text)


def _unused_mark(text: str) -> str:
    """A private-use character that does not stand in ``text``."""
    mark = next((chr(code) for code in _MARKS if chr(code) not in text), None)
    if mark is None:
        raise InvalidInputError("a text holds every private-use character and the text of a special token")
    return mark


def _leading_ids(tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """What the tokenizer normally puts before a text: a beginning-of-sequence token, or nothing."""
    alone: list[int] = tokenizer.encode("a", add_special_tokens=False)
    full: list[int] = tokenizer.encode("a", add_special_tokens=True)
    start = next(place for place in range(len(full)) if full[place : place + len(alone)] == alone)
    return tuple(full[:start])
