"""Marked copies: taken only when they are copies, and never with marks on what must stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmpo.text.marking import Marked, MarkingError, marked_units, read_marks
from pmpo.text.units import delete, segment

PROMPT = "Sort the words.\nTake your time.\n\nRead {{input}} well. Use JSON."


def texts(marked, **options):
    return [PROMPT[start:end] for start, end in marked_units(PROMPT, marked, **options)]


def test_tags_come_out_and_their_places_are_kept():
    assert read_marks("a <mask>b c</mask> d<MASK>e</ Mask >") == Marked("a b c de", ((2, 5), (7, 8)))


def test_marks_become_spans_of_the_prompt():
    marked = "<mask>Sort the words.</mask>\n<mask>Take your time.</mask>\n\nRead {{input}} well. <mask>Use JSON.</mask>"
    assert texts(marked) == ["Sort the words.", "Take your time.", "Use JSON."]


def test_white_space_may_differ():
    marked = "Sort the words. <mask> Take  your\ntime.\n</mask>Read {{input}} well.\n\n<mask>Use JSON.</mask>\n"
    assert texts(marked) == ["Take your time.", "Use JSON."]


@pytest.mark.parametrize(
    ("marked", "says"),
    [
        (PROMPT, "no part was marked"),
        ("", "it is not the prompt"),
        ("<mask>Sort the words.</mask>", "it is not the prompt"),
        (f"Sure! {PROMPT}", "it is not the prompt"),
        (PROMPT.replace("Use JSON.", "<mask>Use YAML.</mask>"), "it is not the prompt"),
        (PROMPT.replace("Use JSON.", "<mask>Use JSON."), "not closed"),
        (PROMPT.replace("Use JSON.", "Use JSON.</mask>"), "without their partner"),
        (PROMPT.replace("Use JSON.", "<mask>Use <mask>JSON.</mask></mask>"), "nested"),
        (PROMPT.replace("Use", "<mask></mask>Use"), "holds no word"),
        (PROMPT.replace("well.", "well<mask>.</mask>"), "holds no word"),
        (f"<mask>{PROMPT}</mask>", "whole prompt"),
        (PROMPT.replace("Read {{input}} well.", "<mask>Read {{input}} well.</mask>"), "touches a placeholder"),
        (PROMPT.replace("Read {{in", "<mask>Read {{in</mask>"), "touches a placeholder"),
        (PROMPT.replace("Sort the words.", "<mask>Sort</mask> <mask>the</mask> <mask>words.</mask>"), "at most 2"),
        (PROMPT.replace("Take your", "<mask>Take your</mask>"), "protected text"),
    ],
)
def test_everything_else_is_refused_with_the_reason(marked, says):
    with pytest.raises(MarkingError, match=says):
        texts(marked, protected=["your time."], max_units=2)


def test_a_prompt_that_speaks_of_mask_tags_is_no_copy_of_itself():
    prompt = "Put <mask>this</mask> into tags. Be brief."
    with pytest.raises(MarkingError, match="not the prompt"):
        marked_units(prompt, prompt)


SENTENCES = st.lists(st.sampled_from(["Sort it.", "Be kind.", "Read {{x}} now.", "Use JSON!", "- a rule"]), min_size=1)


@given(SENTENCES, st.sampled_from([" ", "\n", "\n\n"]), st.sampled_from(["", " ", "\n"]))
def test_the_rules_own_units_survive_being_marked(sentences, gap, around):
    prompt = gap.join(sentences)
    spans = segment(prompt, max_units=50)
    marked = prompt
    for start, end in reversed(spans):
        marked = f"{marked[:start]}<mask>{around}{marked[start:end]}{around}</mask>{marked[end:]}"
    if spans and all(delete(prompt, span) for span in spans):
        assert marked_units(prompt, marked, max_units=50) == spans


@given(st.text(alphabet="ab {}<>/mask\n`", max_size=60))
def test_whatever_a_model_writes_spans_never_touch_what_must_stay(marked):
    prompt = "a {{b}} a"
    try:
        spans = marked_units(prompt, marked)
    except MarkingError:
        return
    assert spans
    assert all(prompt[start:end] == "a" for start, end in spans)
