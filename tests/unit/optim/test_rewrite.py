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
from pmpo.runs.meta_prompt import mask_form, rewrite_form, small_mask, small_rewrite

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


def test_the_small_forms_are_the_ones_that_the_shipped_model_was_trained_on():
    assert rewrite_form("small") == small_rewrite()
    assert mask_form("small") == small_mask()


def test_the_full_form_shows_everything_and_says_what_the_numbers_mean():
    context = RewriteContext("Sort. {{input}}", "b a", "[a b]", UNITS, "Sort words.", ["{{input}}", "Sort."], 250)
    _, user = render_rewrite(rewrite_form("full"), context)
    for piece in (
        "Sort words.",
        "<prompt>\nSort. {{input}}\n</prompt>",
        "+0.414 ± 0.100 (helps): Sort.\n-0.004 ± 0.100 (inert): Be kind.\n-0.300 ± 0.100 (hurts): Count.",
        "standard error",
        "<input>\nb a\n</input>",
        "<expected>\n[a b]\n</expected>",
        "{{input}}, Sort.",
        "at most 250 tokens",
        "between <prompt> and </prompt>",
    ):
        assert piece in user.content
    moves = "structure add remove rephrase simplify expand consolidate reframe diversify"
    assert all(f"- {move}" in user.content for move in moves.split())
    assert "{{limit}}" not in user.content


def test_the_full_form_leaves_out_what_there_is_nothing_to_say_about():
    _, user = render_rewrite(rewrite_form("full"), RewriteContext("Sort.", "b a", "a b"))
    for absent in ("What the prompt is for", "standard error", "hold each of these", "tokens\n"):
        assert absent not in user.content
    assert "{{" not in user.content


def test_the_full_mask_form_names_the_most_units_and_what_stays_outside():
    _, user = render_mask(mask_form("full"), "Sort. {{input}}", ["{{input}}"], 4)
    assert "at most 4 parts" in user.content
    assert "these texts: {{input}}" in user.content
    assert "<prompt>\nSort. {{input}}\n</prompt>" in user.content
    _, bare = render_mask(mask_form("full"), "Sort.")
    assert "these texts" not in bare.content
