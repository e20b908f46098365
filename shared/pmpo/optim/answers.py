"""Answers: the conversation that a prompt and an example make, and the accuracy of what the target model says to it."""

from __future__ import annotations

from collections.abc import Sequence

from pmpo.optim.ports import Grader
from pmpo.optim.types import Completion, Example, GenerationRequest, Message
from pmpo.text.placeholders import fill, placeholders


def conversation(prompt: str, example: Example) -> tuple[Message, ...]:
    """The turns before the answer, as the scorer renders them.

    A prompt without placeholders is the system message and the example's input the user message; a prompt with
    placeholders is filled from the example's fields and is the user message.
    """
    if placeholders(prompt):
        return (Message("user", fill(prompt, {"input": example.input, **example.fields})),)
    return (Message("system", prompt), Message("user", example.input))


def answer_requests(prompt: str, examples: Sequence[Example], max_tokens: int) -> list[GenerationRequest]:
    """Greedy requests, one for each example, each with the beginning that its answer has when it is scored."""
    return [
        GenerationRequest(
            conversation(prompt, example),
            num_samples=1,
            max_tokens=max_tokens,
            temperature=0.0,
            top_p=1.0,
            seed=0,
            answer_prefix=example.answer_prefix,
        )
        for example in examples
    ]


def accuracy(examples: Sequence[Example], answers: Sequence[Sequence[Completion]], grader: Grader) -> float:
    """Mean grade of the first completion of each example."""
    grades = [grader.grade(example, row[0].text) for example, row in zip(examples, answers, strict=True)]
    return sum(grades) / len(grades)
