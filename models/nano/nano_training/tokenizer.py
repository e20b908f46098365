"""The tokenizer: byte-level BPE with single digits and single line ends, and the ChatML template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

VOCABULARY_SIZE = 3584
PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CONTEXT_WEIGHT = 0.15
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def train_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """BPE over ``texts``. A line end is always a token of its own, so a message's body is tokenised the same alone
    and inside the chat template.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("\n"), "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=[PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def spelling_groups(tokenizer: Tokenizer) -> list[list[int]]:
    """Ids of tokens that differ only in a space before them or in capitals; groups of two or more, ids in order."""
    groups: dict[str, list[int]] = {}
    for token_id in range(tokenizer.get_vocab_size()):
        word = tokenizer.decode([token_id]).strip().lower()
        if word.isalpha():
            groups.setdefault(word, []).append(token_id)
    return [ids for ids in groups.values() if len(ids) > 1]


def wrap_tokenizer(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """The tokenizer in the shape that ``AutoTokenizer`` loads."""
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[START],
        model_max_length=2048,
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def encode_turns(tokenizer: Tokenizer, turns: Sequence[tuple[str, str]]) -> tuple[list[int], list[float]]:
    """Token ids of a conversation and the loss weight of each: 1 for answers and their end of turn,
    CONTEXT_WEIGHT for other bodies, 0 for headers and the line end after a turn.
    """
    ids: list[int] = []
    weights: list[float] = []
    for role, content in turns:
        header = tokenizer.encode(f"{START}{role}\n").ids
        body = tokenizer.encode(content).ids + tokenizer.encode(END).ids
        tail = tokenizer.encode("\n").ids
        ids += header + body + tail
        weight = 1.0 if role == "assistant" else CONTEXT_WEIGHT
        weights += [0.0] * len(header) + [weight] * len(body) + [0.0] * len(tail)
    return ids, weights
