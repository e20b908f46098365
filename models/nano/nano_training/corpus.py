"""The stream of training batches: batch ``step`` depends on (seed, step) alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from tokenizers import Tokenizer

from nano_training.conversations import Turns, draw_conversation, draw_echo
from nano_training.entities import BLAME, CITIES, COLORS, NAMES, PRAISE, PRODUCTS, WORDS
from nano_training.phrasings import Phrasings, split_phrasings
from nano_training.rewriting import MetaPrompts, draw_mask, draw_rewrite
from nano_training.tokenizer import encode_turns
from pmpo.optim.rewrite import fingerprint
from pmpo.runs.meta_prompt import small_mask, small_rewrite

REWRITE_SHARE = 0.28
MASK_SHARE = 0.02
BUCKETS = (64, 96, 128, 160, 192, 256, 320, 448)
BATCHES_PER_POOL = 48
WORD_REPEATS = 300
ECHO_STEPS = 240
ECHO_SHARE = 0.7
CONTEXT_SHARE = 1 / 3

Sample = tuple[list[int], list[float]]


@dataclass(frozen=True, slots=True)
class CorpusConfig:
    """Seed of the stream, and about how many tokens (padding included) a batch holds."""

    seed: int = 0
    batch_tokens: int = 8192


class Corpus:
    """Draws pools of conversations; each pool is cut into BATCHES_PER_POOL batches of samples of similar lengths."""

    def __init__(self, tokenizer: Tokenizer, config: CorpusConfig) -> None:
        self._tokenizer = tokenizer
        self._config = config
        self._phrasings = split_phrasings()[0]
        self._forms = shipped_forms()
        self._pool = lru_cache(maxsize=1)(self._draw_pool)

    def batch(self, step: int) -> list[Sample]:
        """The samples of training step ``step``: ids and loss weights, of different lengths."""
        return self._pool(step // BATCHES_PER_POOL)[step % BATCHES_PER_POOL]

    def _draw_sample(self, rng: random.Random, *, is_early: bool) -> Sample:
        """Early pools teach copying: most of their samples are echoes, and all of the context counts."""
        if is_early and rng.random() < ECHO_SHARE:
            return encode_turns(self._tokenizer, draw_echo(rng))
        ids, weights = encode_turns(self._tokenizer, draw_sample(rng, self._phrasings, self._forms))
        if not is_early:
            weights = [w if w == 1 or rng.random() < CONTEXT_SHARE else 0.0 for w in weights]
        return ids, weights

    def _draw_pool(self, index: int) -> list[list[Sample]]:
        """Fill a batch for each bucket of lengths until enough are full; what is left over is dropped."""
        rng = random.Random(f"{self._config.seed}:{index}")
        filling: dict[int, list[Sample]] = {bucket: [] for bucket in BUCKETS}
        batches: list[list[Sample]] = []
        while len(batches) < BATCHES_PER_POOL:
            sample = self._draw_sample(rng, is_early=index * BATCHES_PER_POOL < ECHO_STEPS)
            bucket = bucket_of(len(sample[0]))
            if bucket not in filling:
                continue
            filling[bucket].append(sample)
            if len(filling[bucket]) >= max(1, self._config.batch_tokens // bucket):
                batches.append(filling[bucket])
                filling[bucket] = []
        rng.shuffle(batches)
        return batches


def bucket_of(length: int) -> int:
    """The length that a sample is padded to: the smallest bucket that holds it, or its own where none does."""
    return next((bucket for bucket in BUCKETS if length <= bucket), length)


def draw_sample(rng: random.Random, phrasings: Phrasings, forms: MetaPrompts) -> Turns:
    """One training conversation: mostly a solved task, sometimes a rewrite, seldom a masking."""
    draw = rng.random()
    if draw < REWRITE_SHARE:
        return draw_rewrite(rng, phrasings, forms)
    if draw < REWRITE_SHARE + MASK_SHARE:
        return draw_mask(rng, phrasings, forms)
    return draw_conversation(rng, phrasings)


def draw_texts(seed: int, num_samples: int) -> Iterator[str]:
    """Message texts to train the tokenizer on, and what answers copy, often: it becomes one token in either place."""
    rng, forms, phrasings = random.Random(f"{seed}:tokenizer"), shipped_forms(), split_phrasings()[0]
    capitalised = (*CITIES, *NAMES)
    plain = (*PRODUCTS, *PRAISE, *BLAME, *WORDS, *COLORS)
    for word in (*capitalised, *plain):
        yield from (word, f" {word}") * WORD_REPEATS
    for word in (*map(str.upper, plain), *map(str.upper, capitalised)):
        yield from (word, f" {word}") * (WORD_REPEATS * 2 // 3)
    for word in (*map(str.lower, capitalised), *map(str.capitalize, plain)):
        yield from (word, f" {word}") * (WORD_REPEATS // 6)
    for _ in range(num_samples):
        turns = draw_sample(rng, phrasings, forms)
        yield from (f"{role}\n{content}" for role, content in turns)


def shipped_fingerprint() -> str:
    """Identifies the meta-prompts and their renderer: weights know only the form that they were trained on."""
    return fingerprint(small_rewrite(), small_mask())


def shipped_forms() -> MetaPrompts:
    """The product's meta-prompts for small models."""
    return MetaPrompts(small_rewrite(), small_mask())
