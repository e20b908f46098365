"""The conversation that a prompt and an example make."""

import pytest

from pmpo.errors import PlaceholderError
from pmpo.optim.answers import answer_requests, conversation
from pmpo.optim.types import Example

EXAMPLE = Example(0, "the text", ("t",), {"input": "the text", "name": "{{input}}"})


def turns(prompt):
    return [(message.role, message.content) for message in conversation(prompt, EXAMPLE)]


def test_without_placeholders_the_prompt_is_the_system_message():
    assert turns("Sort.") == [("system", "Sort."), ("user", "the text")]


def test_with_placeholders_the_filled_prompt_is_the_user_message_and_values_are_not_filled_again():
    assert turns("Sort {{ input }} for {{name}}.") == [("user", "Sort the text for {{input}}.")]


def test_a_missing_field_is_named():
    with pytest.raises(PlaceholderError, match=r"\{\{city\}\}"):
        conversation("{{city}}", EXAMPLE)


def test_answers_are_greedy():
    (request,) = answer_requests("Sort.", [EXAMPLE], 12)
    assert (request.temperature, request.num_samples, request.max_tokens) == (0.0, 1, 12)
