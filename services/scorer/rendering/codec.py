"""Text to token ids and back, behind one lock: a fast tokenizer must not be used by two threads at once."""

from __future__ import annotations

import json
import math
import re
import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from pmpo.errors import ConfigurationError, InvalidInputError, TooLongError
from services.scorer.model_source import ModelSource
from services.scorer.rendering.thinking import ALL_TAGS

SHORTEN = "shorten the prompt, the input or the target"
MAX_MEMO_TOKENS = 4_000_000
# How byte-level BPE writes the 256 bytes: printable Latin-1 as it is, the other 68 from U+0100 on.
_BYTES = {chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 324))}
_KEEPING_SPLITTERS = {"ByteLevel", "Digits", "Split"}


def load_tokenizer(source: ModelSource) -> PreTrainedTokenizerBase:
    """The tokenizer of a model.

    Raises:
        ConfigurationError: it cannot be loaded.
    """
    # "sequence longer than the model" is our own TooLongError, with the item that it is about.
    transformers_logging.set_verbosity_error()
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            source.location, local_files_only=source.is_local, trust_remote_code=False
        )
    except Exception as error:  # files of many authors: any class may come
        reason = str(error).strip().splitlines()[0]
        raise ConfigurationError(f"the tokenizer of {source.name} cannot be loaded: {reason}") from error
    return tokenizer


class TextCodec:
    """Encodes and decodes; encodings are memoised, the least recently used are dropped.

    Attributes:
        special_pattern: matches the text of any special token, longest first; one group.
        num_memo_tokens: tokens that the memo holds, and one for each text.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, max_memo_tokens: int = MAX_MEMO_TOKENS) -> None:
        self._tokenizer = tokenizer
        self._lock = threading.Lock()
        self._memo: OrderedDict[tuple[bool, str], array[int]] = OrderedDict()
        self._max_memo_tokens = max_memo_tokens
        self.num_memo_tokens = 0
        self._max_token_chars = max_token_chars(tokenizer)
        self._special_ids = _special_ids(tokenizer)
        self.special_pattern = _any_of(self._special_ids)
        self._tag_pattern = _any_of(ALL_TAGS & self._special_ids.keys())
        self._check_literal_encoding()

    def encode(self, text: str, *, literal: bool, max_tokens: int | None = None) -> tuple[int, ...]:
        """Token ids of a text, nothing added around it.

        Args:
            text: what to encode.
            literal: whether text that looks like a special token is ordinary text (data) or the token (templates).
            max_tokens: a text that surely has more is refused by its length, as tokenising it would take seconds; one
                that only may have more is encoded in full.

        Raises:
            InvalidInputError: the text is not valid Unicode (a lone surrogate).
            TooLongError: the text surely has more than ``max_tokens`` tokens.
        """
        if max_tokens is not None and self._max_token_chars is not None:
            fewest = math.ceil(len(text) / self._max_token_chars)
            if fewest > max_tokens:
                raise TooLongError(f"at least {fewest} tokens; the model's context is {max_tokens} tokens: {SHORTEN}")
        key = (literal, text)
        with self._lock:
            ids = self._memo.get(key)
            if ids is None:
                ids = array("i", self._encode(text, literal))
                self._remember(key, ids)
            else:
                self._memo.move_to_end(key)
        return tuple(ids)

    def encode_target(self, text: str, *, max_tokens: int | None = None) -> tuple[int, ...]:
        """As literal text, in which tags of think blocks that have special tokens are these: so the model writes them.

        Raises:
            As ``encode``.
        """
        ids: list[int] = []
        for index, piece in enumerate(self._tag_pattern.split(text)):  # plain, tag, plain, ...
            if index % 2:
                ids.append(self.special_id(piece))
            elif piece:
                ids.extend(self.encode(piece, literal=True, max_tokens=max_tokens))
        return tuple(ids)

    def decode(self, ids: Sequence[int], *, keep_special: bool = False) -> str:
        """The text of token ids, special tokens left out unless they are to be kept."""
        with self._lock:
            text = self._tokenizer.decode(
                list(ids), skip_special_tokens=not keep_special, clean_up_tokenization_spaces=False
            )
        return str(text)

    def special_id(self, text: str) -> int:
        """The id of a special token's text."""
        return self._special_ids[text]

    def holds_special_text(self, text: str) -> bool:
        """Whether the text of a special token stands somewhere in ``text``."""
        return self.special_pattern.search(text) is not None

    def _encode(self, text: str, literal: bool) -> list[int]:
        try:
            ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=literal)
        except (UnicodeEncodeError, TypeError) as error:
            raise InvalidInputError(f"a text is not valid Unicode: {text[:40]!r}") from error
        return ids

    def _remember(self, key: tuple[bool, str], ids: array[int]) -> None:
        self._memo[key] = ids
        self.num_memo_tokens += len(ids) + 1
        while self.num_memo_tokens > self._max_memo_tokens:
            _, dropped = self._memo.popitem(last=False)
            self.num_memo_tokens -= len(dropped) + 1

    def _check_literal_encoding(self) -> None:
        """Fail at the start for a tokenizer that would parse special tokens in data; one may refuse such data."""
        for text, token_id in self._special_ids.items():
            try:
                ids = self._encode(f"a{text}b", literal=True)
            except InvalidInputError:
                continue
            if token_id in ids:
                raise ConfigurationError(
                    f"the tokenizer reads {text!r} in data as a control token and cannot be told not to"
                )


def max_token_chars(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """No text of n characters has fewer than n / (this number) tokens; None where that cannot be known.

    It is known for byte-level BPE, where every byte of a text is in exactly one token: all bytes are in the vocabulary,
    nothing is removed, and no added token takes the spaces beside it. NFC makes one character of at most four, since no
    character decomposes into more (Unicode Standard Annex 15).
    """
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        return None
    parts = json.loads(tokenizer.backend_tokenizer.to_str())
    normalizer = (parts["normalizer"] or {}).get("type")
    splitters = parts["pre_tokenizer"] or {}
    splitters = splitters.get("pretokenizers", [splitters])
    vocabulary = tokenizer.get_vocab()
    is_known = (
        parts["model"]["type"] == "BPE"
        and normalizer in (None, "NFC")
        and any(splitter.get("type") == "ByteLevel" for splitter in splitters)
        and all(splitter.get("type") in _KEEPING_SPLITTERS for splitter in splitters)
        and not any(splitter.get("behavior") == "Removed" for splitter in splitters)
        and vocabulary.keys() >= _BYTES
        and not any(token["lstrip"] or token["rstrip"] for token in parts["added_tokens"])
    )
    return max(map(len, vocabulary)) * (4 if normalizer else 1) if is_known else None


def _any_of(texts: Iterable[str]) -> re.Pattern[str]:
    """Matches any of the texts, longest first, as its one group; nothing where there are none."""
    longest_first = sorted(texts, key=len, reverse=True)
    return re.compile(f"({'|'.join(map(re.escape, longest_first))})" if longest_first else r"(?!)()")


def _special_ids(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    """Id of every special token by its text. Added tokens that are not special are ordinary words."""
    return {token.content: token_id for token_id, token in tokenizer.added_tokens_decoder.items() if token.special}
