r"""Think blocks: whether what begins at the end of a context is the model's answer, or one of its thoughts.

Templates of reasoning models end in one of three ways, and a known answer may be scored after the last one alone::

    <|im_start|>assistant\n                          nothing said: a model that thinks by default opens the block itself
    <|im_start|>assistant\n<think>\n                 the block is open
    <|im_start|>assistant\n<think>\n\n</think>\n\n   the block is closed: here the answer begins

The first one is told from the end of a plain model's template by the template's own switch: where switching thinking
off puts a closed block there, thinking was on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from pmpo.contracts.scoring import TemplateValue
from pmpo.errors import InvalidInputError

# Opening and closing tag, by the models that write them.
THINK_TAGS = (
    ("<think>", "</think>"),  # DeepSeek-R1, Qwen3, GLM, Nemotron, SmolLM3
    ("<thinking>", "</thinking>"),
    ("[THINK]", "[/THINK]"),  # Magistral
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("◁think▷", "◁/think▷"),  # Kimi-VL
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A Reasoning
)
ALL_TAGS = frozenset(tag for pair in THINK_TAGS for tag in pair)
SWITCHES = ("enable_thinking", "thinking")
_CLOSING = dict(THINK_TAGS)
_TAG = re.compile("|".join(re.escape(tag) for pair in THINK_TAGS for tag in pair))

Render = Callable[[Mapping[str, TemplateValue], bool], str]


@dataclass(frozen=True, slots=True)
class OpenBlock:
    """A context after which the model thinks.

    Attributes:
        opening, closing: the tags of the block.
        is_opened: whether the context opens it; the model does where not.
        switch: the template's argument that closes it when it is false; None where there is none.
    """

    opening: str
    closing: str
    is_opened: bool
    switch: str | None

    def check_targets(self, targets: Sequence[str], where: str) -> None:
        """Let targets pass that hold the end of the thoughts and the answer after it.

        Raises:
            InvalidInputError: one of them does not; names the remedy that works with this template.
        """
        if all(self.closing in target for target in targets):
            return
        what = (
            f"leaves {self.opening} open before the answer" if self.is_opened else f"has the model open {self.opening}"
        )
        close = f"{'' if self.is_opened else self.opening}{self.closing}\\n\\n"
        remedy = f"chat_template_kwargs: {{{self.switch}: false}}" if self.switch else f'answer_prefix: "{close}"'
        raise InvalidInputError(
            f"{where}: the model's chat template {what}, so that the target would be measured as a thought; close the "
            f"block with {remedy}, or give targets that hold {self.closing} themselves"
        )


def try_find_open_block(
    render: Render, arguments: Mapping[str, TemplateValue], answer_prefix: str, template: str
) -> OpenBlock | None:
    """The think block that a context leaves open; None when an answer begins after it.

    Args:
        render: the conversation's text for template arguments, with what opens an answer or without it.
        arguments: those that are given.
        answer_prefix: what stands between the context and the target.
        template: the template's source.
    """
    if not _TAG.search(template):
        return None
    opening = _opening_of(render, arguments)
    last = _last_tag(opening + answer_prefix)
    if last is not None and last not in _CLOSING:
        return None
    switch = next((name for name in SWITCHES if reads(template, name) and _closes(render, arguments, name)), None)
    if last is not None:
        return OpenBlock(last, _CLOSING[last], is_opened=True, switch=switch)
    if switch is None:
        return None
    closing = _last_tag(_opening_of(render, {**arguments, switch: False}))
    pair = next(pair for pair in THINK_TAGS if pair[1] == closing)
    return OpenBlock(*pair, is_opened=False, switch=switch)


def reads(template: str, name: str) -> bool:
    """Whether a template's source has the word ``name`` somewhere."""
    return re.search(rf"\b{re.escape(name)}\b", template) is not None


def _closes(render: Render, arguments: Mapping[str, TemplateValue], switch: str) -> bool:
    """Whether the context ends behind a closed block when ``switch`` is off."""
    try:
        last = _last_tag(_opening_of(render, {**arguments, switch: False}))
    except InvalidInputError:
        return False
    return last is not None and last not in _CLOSING


def _opening_of(render: Render, arguments: Mapping[str, TemplateValue]) -> str:
    """What the template puts behind the conversation to open an answer; data that looks like a tag is not in it."""
    whole = render(arguments, True)
    same = takewhile(lambda pair: pair[0] == pair[1], zip(whole, render(arguments, False), strict=False))
    start = sum(1 for _ in same)
    if start == len(whole):  # a template that always opens an answer
        return next((tag for tag in ALL_TAGS if whole.rstrip().endswith(tag)), "")
    cut = next((found for found in _TAG.finditer(whole) if found.start() < start < found.end()), None)
    return whole[cut.start() if cut else start :]


def _last_tag(text: str) -> str | None:
    tags = _TAG.findall(text)
    return tags[-1] if tags else None
