"""A model's tokenizer as its server has it, for a scorer without the model's files.

vLLM tells the chat template and the added tokens at ``/tokenizer_info`` (started with
``--enable-tokenizer-info-endpoint``), and turns texts into ids and back at ``/tokenize`` and ``/detokenize``. Templates
are rendered here, and every text is one call. What cannot be had exactly is refused: the route has no way to read the
text of an added token as plain text, so data that holds one is told so, never read as the token.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from transformers import AddedToken, PreTrainedTokenizerBase

from pmpo.errors import ConfigurationError, InvalidInputError, PmpoError, ScorerUnavailableError, UpstreamError
from services.scorer.engines.remote.transport import Access, ServerDownError, TryAgainError

MAX_ROUNDS = 3
WAIT_S = 0.5
INSTEAD = "or name the model's files: PMPO_SCORER_REMOTE_TOKENIZER=files and PMPO_SCORER_MODEL"
CHECKED_TEXTS = (
    "Hello , world !\n\n  1234 äöü 漢字 \t<b> I 'm",
    "def f(x):\n    return x  # done",
    " naïve “quoted” .",
)
CHECKED_TURNS = ({"role": "user", "content": "What is 2 + 2?"}, {"role": "assistant", "content": "4"})
Ask = Callable[[str, Mapping[str, Any] | None], Any]


class ServedTokenizer(PreTrainedTokenizerBase):
    """Encodes and decodes through ``ask``. ``info``: what ``/tokenizer_info`` answered.

    Attributes:
        digest: changes with whatever the server tells of its tokenizer.
    """

    def __init__(self, info: Mapping[str, Any], ask: Ask) -> None:
        self._ask = ask
        self._added = {int(token_id): str(text) for token_id, text in info["added_tokens_decoder"].items()}
        self._ids = {text: token_id for token_id, text in self._added.items()}
        longest_first = sorted(self._ids, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        self.digest = hashlib.sha256(json.dumps(info, sort_keys=True).encode()).hexdigest()
        known = (*PreTrainedTokenizerBase.SPECIAL_TOKENS_ATTRIBUTES, "chat_template")
        super().__init__(**{name: info[name] for name in known if info.get(name) is not None})  # type: ignore[no-untyped-call]

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """All added tokens. Which of them are special is not told: all are taken to be."""
        return {token_id: AddedToken(text, special=True) for token_id, text in self._added.items()}

    def encode(
        self, text: str, *, add_special_tokens: bool = True, split_special_tokens: bool = False, **_: Any
    ) -> list[int]:
        """Ids of a text.

        Raises:
            InvalidInputError: it is to be read literally and holds the text of an added token.
            UnicodeEncodeError: it holds half a surrogate pair.
        """
        text.encode()
        found = self._pattern.search(text) if split_special_tokens else None
        if found:
            raise InvalidInputError(
                f"a text holds {found[0]!r}, which the model server's /tokenize can read as a control token only: "
                f"take it out, {INSTEAD}"
            )
        if not text and not add_special_tokens:
            return []
        ids = self._ask("/tokenize", {"prompt": text, "add_special_tokens": add_special_tokens})
        return _ids(ids)

    def decode(self, token_ids: Sequence[int], skip_special_tokens: bool = False, **_: Any) -> str:  # type: ignore[override]
        """The text of ids."""
        kept = [token for token in token_ids if not (skip_special_tokens and token in self._added)]
        return _text(self._ask("/detokenize", {"tokens": kept})) if kept else ""

    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        """The id of an added token, None for others; of several, a list."""
        return self._ids.get(tokens) if isinstance(tokens, str) else [self._ids.get(token) for token in tokens]

    def check(self) -> None:
        """Compare with the server what can be compared.

        Raises:
            ConfigurationError: texts do not come back as they were, or the server shows its model another conversation
                than the template that it tells.
        """
        for text in CHECKED_TEXTS:
            back = self.decode(self.encode(text, add_special_tokens=False))
            if back != text:
                raise _unusable(f"its /detokenize gives {back!r} back for {text!r}")
        if self.chat_template is None:
            return
        for num_turns in (1, 2):
            turns = list(CHECKED_TURNS[:num_turns])
            opens = num_turns == 1
            rendered = self.apply_chat_template(turns, tokenize=False, add_generation_prompt=opens)
            told = self._ask("/tokenize", {"messages": turns, "add_generation_prompt": opens})
            if self.encode(str(rendered), add_special_tokens=False) != _ids(told):
                raise _unusable("it shows its model another conversation than the chat template that it tells")


def ask_for_tokenizer(urls: Sequence[str], access: Access, model: str | None) -> ServedTokenizer:
    """The tokenizer of a model server, checked. ``model``: its name there, where several are served.

    Raises:
        ConfigurationError: the server does not tell it, or not exactly.
        ScorerUnavailableError: no server answers.
    """
    calls = TokenizerCalls(urls, access, model)
    try:
        info = calls.ask("/tokenizer_info", None)
        if not isinstance(info, dict) or not isinstance(info.get("added_tokens_decoder"), dict):
            raise _unusable("its /tokenizer_info does not tell the added tokens")
        tokenizer = ServedTokenizer(info, calls.ask)
        tokenizer.check()
    except _NoRouteError as error:
        raise _unusable(f"{error}; start vLLM with --enable-tokenizer-info-endpoint") from None
    except UpstreamError as error:
        raise _unusable(error.message) from None
    return tokenizer


class _NoRouteError(Exception):
    pass


class TokenizerCalls:
    """Calls from one thread at a time to the first server that answers; the others are asked when it does not."""

    def __init__(self, urls: Sequence[str], access: Access, model: str | None) -> None:
        self._urls = list(urls)
        self._access = access
        self._model = {} if model is None else {"model": model}

    def ask(self, path: str, body: Mapping[str, Any] | None) -> Any:
        """The answer's JSON: a GET without a body, else a POST.

        Raises:
            ScorerUnavailableError: no server answers in a few rounds.
            PmpoError: what the server refused.
        """
        reasons: dict[str, str] = {}
        for round_number in range(MAX_ROUNDS):
            time.sleep(WAIT_S if round_number else 0.0)
            for url in list(self._urls):
                try:
                    return self._access.ask_blocking(url, path, None if body is None else {**self._model, **body})
                except ServerDownError as down:
                    if str(down).startswith("status 404"):
                        raise _NoRouteError(f"{url} has no {path}") from None
                    reasons[url] = str(down)
                    self._urls.append(self._urls.pop(0))
                except TryAgainError as failed:
                    reasons[url] = failed.error.message
        told = "; ".join(f"{url}: {reason}" for url, reason in reasons.items())
        raise ScorerUnavailableError(f"no model server answers {path} ({told}); start it, then try again")


def _ids(answer: Any) -> list[int]:
    found = answer.get("tokens") if isinstance(answer, dict) else None
    if not isinstance(found, list) or not all(isinstance(token, int) for token in found):
        raise UpstreamError("the model server's /tokenize gave an answer of another form")
    return found


def _text(answer: Any) -> str:
    found = answer.get("prompt") if isinstance(answer, dict) else None
    if not isinstance(found, str):
        raise UpstreamError("the model server's /detokenize gave an answer of another form")
    return found


def _unusable(reason: str) -> PmpoError:
    return ConfigurationError(f"PMPO_SCORER_REMOTE_TOKENIZER=server cannot be used: {reason}, {INSTEAD}")
