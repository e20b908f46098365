"""The stream of training batches: batch ``step`` depends on (seed, step) alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from tokenizers import Tokenizer

from nano_training.conversations import Turns, draw_conversation, draw_echo
from nano_training.entities import BLAME, CITIES, NAMES, PRAISE, PRODUCTS, WORDS
from nano_training.phrasings import Phrasings, split_phrasings
from nano_training.rewriting import MetaPrompts, draw_mask, draw_rewrite
from nano_training.tokenizer import encode_turns
from pmpo.optim.rewrite import fingerprint
from pmpo.runs.meta_prompt import small_mask, small_rewrite

REWRITE_SHARE = 0.2
MASK_SHARE = 0.03
MAX_SAMPLE_TOKENS = 640
BATCHES_PER_POOL = 16
WORD_REPEATS = 500
ECHO_STEPS = 320
ECHO_SHARE = 0.7

Sample = tuple[list[int], list[float]]


@dataclass(frozen=True, slots=True)
class CorpusConfig:
    """Seed of the stream, and about how many tokens (padding aside) a batch holds."""

    seed: int = 0
    batch_tokens: int = 4096


class Corpus:
    """Draws pools of conversations and cuts each into BATCHES_PER_POOL batches of similar lengths."""

    def __init__(self, tokenizer: Tokenizer, config: CorpusConfig) -> None:
        self._tokenizer = tokenizer
        self._config = config
        self._phrasings = split_phrasings()[0]
        self._forms = shipped_forms()
        self._pool = lru_cache(maxsize=1)(self._draw_pool)

    def batch(self, step: int) -> list[Sample]:
        """The samples of training step ``step``: ids and loss weights, of different lengths."""
        return self._pool(step // BATCHES_PER_POOL)[step % BATCHES_PER_POOL]

    def _draw_turns(self, rng: random.Random, pool_index: int) -> Turns:
        """Early pools teach copying: most of their samples are echoes of random words."""
        if pool_index * BATCHES_PER_POOL < ECHO_STEPS and rng.random() < ECHO_SHARE:
            return draw_echo(rng)
        return draw_sample(rng, self._phrasings, self._forms)

    def _draw_pool(self, index: int) -> list[list[Sample]]:
        rng = random.Random(f"{self._config.seed}:{index}")
        samples: list[Sample] = []
        wanted, drawn = self._config.batch_tokens * BATCHES_PER_POOL, 0
        while drawn < wanted or len(samples) < BATCHES_PER_POOL:
            sample = encode_turns(self._tokenizer, self._draw_turns(rng, index))
            if len(sample[0]) <= MAX_SAMPLE_TOKENS:
                samples.append(sample)
                drawn += len(sample[0])
        batches = _cut(sorted(samples, key=lambda sample: len(sample[0])), drawn)
        rng.shuffle(batches)
        return batches


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
    for word in (*CITIES, *NAMES, *PRODUCTS, *PRAISE, *BLAME, *WORDS, *(word.upper() for word in WORDS)):
        yield from (word, f" {word}") * WORD_REPEATS
    for _ in range(num_samples):
        turns = draw_sample(rng, phrasings, forms)
        yield from (f"{role}\n{content}" for role, content in turns)


def shipped_fingerprint() -> str:
    """Identifies the meta-prompts and their renderer: weights know only the form that they were trained on."""
    return fingerprint(small_rewrite(), small_mask())


def shipped_forms() -> MetaPrompts:
    """The product's meta-prompts for small models."""
    return MetaPrompts(small_rewrite(), small_mask())


def _cut(samples: list[Sample], num_tokens: int) -> list[list[Sample]]:
    """Exactly BATCHES_PER_POOL consecutive parts of about equal numbers of tokens, none empty."""
    batches: list[list[Sample]] = [[] for _ in range(BATCHES_PER_POOL)]
    seen = 0
    for position, sample in enumerate(samples):
        by_tokens = seen * BATCHES_PER_POOL // num_tokens
        num_left = len(samples) - position
        batches[max(min(by_tokens, BATCHES_PER_POOL - 1), BATCHES_PER_POOL - num_left)].append(sample)
        seen += len(sample[0])
    return batches
