"""Reading rewrites: what small models put around a prompt comes off, the prompt itself stays as it was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmpo.optim.reading import parse_rewrite, read_rewrite
from pmpo.optim.types import Completion

OLD = "Do it: {{input}}"


@pytest.mark.parametrize(
    ("text", "rewrite"),
    [
        ("<prompt>Sort.</prompt>", "Sort."),
        ("Sure!\n<prompt>\nSort.\nBe brief.\n</prompt> Done.", "Sort.\nBe brief."),
        ("<prompt>One.</prompt><prompt>Two.</prompt>", "One."),
        ("<prompt> \n</prompt>", None),
        ("Sort.", None),
        ("<prompt>Sort.", None),
        ("</prompt>Sort.<prompt>", None),
        ("", None),
        # tags in other forms, and repeated
        ("<PROMPT>Sort.</PROMPT>", "Sort."),
        ("< prompt >Sort.</ Prompt >", "Sort."),
        ("<prompt><prompt>Sort.</prompt></prompt>", "Sort."),
        ("<prompt></prompt><prompt>Sort.</prompt>", "Sort."),
        ("I put it into <prompt> tags: <prompt>Sort.</prompt>", "Sort."),
        ("<prompt>Sort.</prompt></prompt>", "Sort."),
        # the echo of the old prompt
        (f"<prompt>{OLD}</prompt>\nBetter:\n<prompt>Sort.</prompt>", "Sort."),
        ("<prompt>\n do  IT: {{input}}\n</prompt>\n<prompt>Sort.</prompt>", "Sort."),
        (f"<prompt>{OLD}\nBetter: <prompt>Sort.</prompt>", "Sort."),
        (f"<prompt>{OLD}</prompt>", OLD),
        # code fences
        ("```\n<prompt>Sort.</prompt>\n```", "Sort."),
        ("<prompt>\n```\nSort.\n```\n</prompt>", "Sort."),
        ("<prompt>```text\nSort.\nBe brief.\n```</prompt>", "Sort.\nBe brief."),
        ("<prompt>\n```\nSort.\n</prompt>\n```", "Sort."),
        ("<prompt>\n```\n```\n</prompt>", None),
        ("<prompt>Run:\n```\nls\n```</prompt>", "Run:\n```\nls\n```"),
        ("<prompt>```\nls\n```\nthen\n```\npwd\n```</prompt>", "```\nls\n```\nthen\n```\npwd\n```"),
        # what is broken stays broken
        ("<prompt>Sort {input}} and {{ inputs }}.</prompt>", "Sort {input}} and {{ inputs }}."),
    ],
)
def test_the_rewrite_stands_between_tags(text, rewrite):
    assert parse_rewrite(text, OLD) == rewrite


def test_a_prompt_that_begins_with_a_fence_keeps_its_fences():
    assert parse_rewrite("<prompt>```\nls -l\n```</prompt>", "```\nls\n```") == "```\nls -l\n```"


@pytest.mark.parametrize(
    ("text", "reason", "rewrite"),
    [
        ("<prompt>New.", "stop", "New."),
        ("<prompt>New.</prompt>", "stop", "New."),
        ("<PROMPT>New.\n", "stop", "New."),
        ("```\n<prompt>\n```\nNew.\n```\n", "stop", "New."),
        (f"<prompt>{OLD}</prompt> <prompt>New.", "stop", "New."),
        ("<prompt>New and cut off", "length", None),
        ("<prompt>One.</prompt><prompt>Two and cut off", "length", "One."),
        ("No tags", "stop", None),
        ("", "stop", None),
    ],
)
def test_a_rewrite_is_read_with_or_without_the_stop_text(text, reason, rewrite):
    assert read_rewrite(Completion(text, 3, reason), OLD) == rewrite


BODIES = st.text(st.sampled_from("aB {}<>/!\n."), min_size=1, max_size=40).filter(
    lambda body: body.strip() and body.strip().lower() != OLD.lower() and "prompt" not in body
)
WRAPPINGS = st.sampled_from(
    [
        "<prompt>{}</prompt>",
        "<PROMPT>\n{}\n</PROMPT>",
        "Here it is:\n<prompt>{}</prompt>\nDone.",
        "```\n<prompt>\n{}\n</prompt>\n```",
        "<prompt>\n```\n{}\n```\n</prompt>",
        "<prompt>```md\n{}\n```</prompt>",
        "<prompt>Do it: {{{{input}}}}</prompt>\n<prompt>{}</prompt>",
        "<prompt><prompt>{}</prompt></prompt>",
    ]
)


@given(BODIES, WRAPPINGS)
def test_whatever_the_wrapping_the_body_comes_back_letter_by_letter(body, wrapping):
    assert parse_rewrite(wrapping.format(body), OLD) == body.strip()


@given(st.text(max_size=80), st.text(max_size=20))
def test_any_text_is_read_without_an_error(text, current):
    rewrite = parse_rewrite(text, current)
    assert rewrite is None or (rewrite == rewrite.strip() and rewrite in text)
