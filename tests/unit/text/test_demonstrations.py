from pmpo.text.demonstrations import with_demonstrations

PAIRS = [("a b ", "b"), ("c", "d")]
BLOCKS = "Input: a b\nOutput: b\n\nInput: c\nOutput: d"


def test_they_follow_an_instruction() -> None:
    assert with_demonstrations("Sort.\n", PAIRS) == f"Sort.\n\n{BLOCKS}"


def test_they_stand_before_the_paragraph_of_the_first_placeholder() -> None:
    assert with_demonstrations("Sort {{input}}.", PAIRS) == f"{BLOCKS}\n\nSort {{{{input}}}}."
    prompt = "Sort.\n\nBe brief.\n\nText: {{input}}\nAnswer:"
    assert with_demonstrations(prompt, PAIRS) == f"Sort.\n\nBe brief.\n\n{BLOCKS}\n\nText: {{{{input}}}}\nAnswer:"


def test_none_change_nothing() -> None:
    assert with_demonstrations(" Sort.\n", []) == " Sort.\n"
