"""The values that the algorithm, its ports and its callers share: frozen, free of I/O and of numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation: ``role`` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Example:
    """One row of data.

    Attributes:
        index: row number in the file it came from; unique within its split.
        input: what the user message holds when the prompt has no placeholders.
        targets: known outputs, the right one first: a supervised row has one, a preference pair the chosen and the
            rejected answer, a multiple-choice row its options.
        fields: values for the prompt's placeholders, ``input`` among them.
        weight: the reward r of the paper, >= 0.
        margin: by how much the chosen answer of a pair should win (a rating gap), >= 0.
        answer_prefix: how every answer begins; part of the context, never of a target.
    """

    index: int
    input: str
    targets: tuple[str, ...]
    fields: Mapping[str, str] = field(default_factory=dict)
    weight: float = 1.0
    margin: float = 0.0
    answer_prefix: str = ""

    @property
    def target(self) -> str:
        """The output that the prompt should lead to (the first of ``targets``)."""
        return self.targets[0]


@dataclass(frozen=True, slots=True)
class Splits:
    """The three sets of a job, made once and stored. ``test`` may be empty."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """A removable part of a prompt: ``prompt[start:end] == text`` (code points)."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class UnitImportance:
    """A unit and the rise of the loss when it is deleted (equation 2): nats per target token, paired standard error."""

    unit: Unit
    delta: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """What produced a score. Scores of one job must all come from the same identity."""

    model: str
    revision: str
    dtype: str
    engine: str


@dataclass(frozen=True, slots=True)
class Scores:
    """Log-likelihoods of every target of every example under every prompt.

    Attributes:
        log_likelihoods: (C, N, number of targets) sums over the target's tokens, nats.
        num_tokens: (C, N, number of targets) target tokens, the end of turn included.
        scored_tokens: context plus target tokens as if each item were scored alone: what budgets count.
        computed_tokens: tokens that the engine really ran.
        identity: the model that answered; the names of all when several did.
        identities: each model when several answered, else empty.
    """

    log_likelihoods: tuple[tuple[tuple[float, ...], ...], ...]
    num_tokens: tuple[tuple[tuple[int, ...], ...], ...]
    scored_tokens: int
    computed_tokens: int
    identity: ModelIdentity
    identities: tuple[ModelIdentity, ...] = ()


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """``num_samples`` completions of one conversation. ``seed`` alone (with the sample's index) decides the draws.

    ``answer_prefix`` stands before what is sampled, and is not part of it.
    """

    messages: tuple[Message, ...]
    num_samples: int
    max_tokens: int
    temperature: float
    top_p: float
    seed: int
    stop: tuple[str, ...] = ()
    answer_prefix: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """One generated text. ``finish_reason`` is stop or length."""

    text: str
    num_tokens: int
    finish_reason: str
    num_prompt_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Prices:
    """Money for a million tokens, in the operator's currency, by what the tokens are for.

    Attributes:
        scored: scored tokens of the target model.
        rewriting, rewriting_prompt: tokens that the rewriter writes, and those that it reads.
        answering, answering_prompt: the same for answers of the target model.
    """

    scored: float = 0.0
    rewriting: float = 0.0
    rewriting_prompt: float = 0.0
    answering: float = 0.0
    answering_prompt: float = 0.0
