"""Copies of data in rewrites."""

from pmpo.text.overlap import CopyDetector, normalised

LONG = "the quick brown fox jumps over the lazy dog near the river"


def test_eight_words_in_a_row_are_a_copy_and_seven_are_none():
    detector = CopyDetector([LONG], [])
    assert (
        detector.find_copy("Note: THE quick, brown fox jumps over the lazy!")
        == "the quick brown fox jumps over the lazy"
    )
    assert detector.find_copy("quick brown fox jumps over the lazy") is None


def test_a_whole_text_of_three_words_is_a_copy_and_of_two_is_none():
    detector = CopyDetector(["new york city", "two words"], [])
    assert detector.find_copy("Say New York City when asked") == "new york city"
    assert detector.find_copy("two words") is None


def test_what_the_seed_prompt_says_already_is_no_copy():
    detector = CopyDetector(["new york city", LONG], ["Choose New York City or not.", LONG])
    assert detector.find_copy("new york city") is None
    assert detector.find_copy(LONG) is None


def test_normalising_forgets_case_and_white_space():
    assert normalised(" Be  BRIEF.\n") == normalised("be brief.")
