"""Meta-prompts: what the rewriter is shown, and how its answer is read."""

import pytest

from pmpo.errors import InvalidInputError
from pmpo.optim.rewrite import (
    MetaPrompt,
    RewriteContext,
    fingerprint,
    render_mask,
    render_rewrite,
    unit_table,
)
from pmpo.optim.types import Unit, UnitImportance
from pmpo.runs.meta_prompt import small_mask, small_rewrite

UNITS = [
    UnitImportance(Unit(0, 4, "Sort."), 0.414, 0.1),
    UnitImportance(Unit(5, 9, "Be\n kind."), -0.004, 0.1),
    UnitImportance(Unit(9, 12, "Count."), -0.3, 0.1),
]


def test_the_shipped_form_in_full():
    context = RewriteContext("Sort. {{input}}", "b a", "[a b]", UNITS, "Sort words.", ["{{input}}"])
    system, user = render_rewrite(small_rewrite(), context)
    assert system.content == "You improve prompts."
    assert user.content == (
        "Task: Sort words.\nPrompt:\n<prompt>\nSort. {{input}}\n</prompt>\nParts:\nhelps +0.41: Sort.\n"
        "inert +0.00: Be kind.\nhurts -0.30: Count.\nInput: b a\nExpected: [a b]\nKeep: {{input}}\n"
        "Write a better prompt between <prompt> and </prompt>."
    )


def test_lines_with_nothing_to_say_are_left_out():
    (_, user) = render_rewrite(small_rewrite(), RewriteContext("Sort.", "b a", "a b"))
    assert "Task:" not in user.content
    assert "Parts:" not in user.content
    assert "Keep:" not in user.content


def test_slots_inside_the_prompt_or_the_data_are_not_filled():
    context = RewriteContext("Say {{task}} and {{target}}.", "{{prompt}}", "{{units}}", task="T")
    (_, user) = render_rewrite(small_rewrite(), context)
    assert "Say {{task}} and {{target}}." in user.content
    assert "Input: {{prompt}}\nExpected: {{units}}" in user.content


def test_the_mask_form_shows_the_prompt_alone():
    (_, user) = render_mask(small_mask(), "Sort.")
    assert user.content.endswith("<prompt>\nSort.\n</prompt>")


def test_no_units_are_an_empty_table():
    assert unit_table(()) == ""


@pytest.mark.parametrize("text", ["", "[system]\nx", "[system]\nx\n[user]\nno slot", "{{prompt}}"])
def test_a_meta_prompt_without_its_sections_or_slot_is_refused(text):
    with pytest.raises(InvalidInputError, match=r"\[system\] and a \[user\] section"):
        MetaPrompt.parse(text)


def test_the_fingerprint_changes_with_either_file():
    shipped = fingerprint(small_rewrite(), small_mask())
    assert shipped == fingerprint(small_rewrite(), small_mask())
    assert shipped != fingerprint(MetaPrompt("Other.", small_rewrite().user), small_mask())
    assert shipped != fingerprint(small_rewrite(), MetaPrompt("Other.", small_mask().user))
