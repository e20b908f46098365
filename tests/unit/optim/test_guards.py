"""Guards: what must never be scored."""

import pytest

from pmpo.optim.guards import (
    CopyGuard,
    DuplicateGuard,
    LengthGuard,
    PlaceholderGuard,
    ProtectedGuard,
    first_rejection,
)
from pmpo.text.overlap import CopyDetector


@pytest.mark.parametrize(
    ("rewrite", "said"),
    [
        ("Extract the city.", "lost: {{input}}"),
        ("{{input}} {{input}}", "added: {{input}}"),
        ("{{text}}", "added: {{text}}"),
        ("{{ input }} and {{city}}", "added: {{city}}"),
    ],
)
def test_a_lost_added_renamed_or_repeated_placeholder_is_refused(rewrite, said):
    rejection = PlaceholderGuard("Do it: {{input}}").check(rewrite, 1)
    assert rejection.reason == "placeholders"
    assert said in rejection.detail


def test_the_same_placeholders_in_another_place_pass():
    assert PlaceholderGuard("Do it: {{input}} {{ name }}").check("{{name}}: {{input}}", 1) is None


def test_a_placeholder_where_the_seed_has_none_is_refused():
    assert PlaceholderGuard("Do it.").check("Do it: {{input}}", 1).reason == "placeholders"


def test_a_protected_text_must_stay_letter_by_letter():
    guard = ProtectedGuard("Always answer in JSON. Be kind.", ("Always answer in JSON.",))
    assert guard.check("Sort. Always answer in JSON.", 1) is None
    assert guard.check("Sort. always answer in JSON.", 1).reason == "protected_text"
    assert guard.check("Always answer in JSON. Always answer in JSON.", 1).reason == "protected_text"


def test_the_limit_itself_is_allowed():
    assert LengthGuard(10).check("text", 10) is None
    assert "11 tokens, the limit is 10" in LengthGuard(10).check("text", 11).detail


def test_copies_and_duplicates_have_their_reasons():
    assert CopyGuard(CopyDetector(["new york city"], [])).check("Say New York City.", 1).reason == "copies_data"
    duplicates = DuplicateGuard()
    duplicates.remember("Sort  the words.")
    assert duplicates.check("sort the WORDS.", 1).reason == "duplicate"
    assert duplicates.check("Sort the numbers.", 1) is None


def test_the_first_guard_that_refuses_speaks():
    guards = [LengthGuard(1), PlaceholderGuard("{{a}}")]
    assert first_rejection(guards, "x", 5).reason == "too_long"
    assert first_rejection(guards, "x", 1).reason == "placeholders"
    assert first_rejection(guards, "{{a}}", 1) is None
