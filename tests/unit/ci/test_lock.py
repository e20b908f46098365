"""The lock: read back as it was written, the same text for the same content, and clear words for what is none."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmpo.ci.lock import FORMAT, Lock, lock_text, read_lock
from pmpo.contracts.jobs import ModelView
from pmpo.errors import InvalidInputError
from tests.unit.ci.world import NANO, locked

TEXT = st.text(st.characters(blacklist_categories=["Cs"]))
LOSSES = st.dictionaries(st.from_regex(r"[0-9a-f]{4}(\.2)?", fullmatch=True), st.floats(0, 1e6), max_size=4)


@given(text=TEXT, names=st.tuples(TEXT, TEXT, TEXT), found=LOSSES, loss=st.floats(0, 1e9))
def test_what_is_written_is_read_back(
    text: str, names: tuple[str, str, str], found: dict[str, float], loss: float
) -> None:
    file, revision, model = names
    view = ModelView(model="m", revision=revision, dtype="d", engine="e")
    entry = locked(text=text, file=file, losses=found, loss=loss, models={model: view})
    lock = Lock({"a": entry, "b-2": locked()}, "1.2.3")
    again = read_lock(lock_text(lock), "pmpo.lock")
    assert again == lock
    assert list(again.prompts["a"].losses) == list(found)


def test_the_text_depends_on_the_content_alone() -> None:
    one, two = locked(), locked(models={"b": NANO, "a": NANO})
    text = lock_text(Lock({"x": one, "a": two}, "1"))
    assert text == lock_text(Lock({"a": two, "x": one}, "1"))
    assert text.index("[prompts.a]") < text.index("[prompts.x]")
    assert text.index('models."a"') < text.index('models."b"')


def test_a_change_of_one_prompt_changes_its_lines_alone() -> None:
    before = lock_text(Lock({"a": locked(), "b": locked()}, "1")).splitlines()
    after = lock_text(Lock({"a": locked(), "b": locked(text="One.\nTwo.", loss=0.2)}, "1")).splitlines()
    changed = [line for line in after if line not in before]
    assert changed == ["loss = 0.2", '  "One.",', '  "Two.",']


def test_a_text_that_looks_like_a_conflict_is_none() -> None:
    entry = locked(text="<<<<<<< a\n=======\n>>>>>>> b")
    assert read_lock(lock_text(Lock({"a": entry}, "1")), "pmpo.lock").prompts["a"] == entry


def refusal(text: str) -> str:
    with pytest.raises(InvalidInputError) as refused:
        read_lock(text, "pmpo.lock")
    return refused.value.message


def test_a_merge_conflict_is_named_with_its_line_and_the_remedy() -> None:
    lines = lock_text(Lock({"a": locked()}, "1")).splitlines()
    lines[5:6] = ["<<<<<<< HEAD", lines[5], "=======", lines[5], ">>>>>>> theirs"]
    said = refusal("\n".join(lines))
    assert said.startswith("pmpo.lock, line 6: a merge conflict is not resolved; keep either side")
    assert "git checkout --theirs pmpo.lock" in said and "pmpo ci refresh" in said


def test_a_lock_of_a_newer_version_names_the_version_to_install() -> None:
    newer = f'format = {FORMAT + 1}\nwritten_by = "9.0"\nsomething = "new"\n'
    assert refusal(newer) == (
        f"pmpo.lock has format {FORMAT + 1} and this version reads up to {FORMAT}: it was written by pmpo 9.0; "
        "install that version or a later one"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "pmpo.lock is no lock ("),
        ('written_by = "1"', "pmpo.lock does not say its format"),
        (
            f'format = {FORMAT}\nwritten_by = "1"\n[prompts.a]\nfile = "x"',
            "pmpo.lock was edited or is incomplete (prompts.a.",
        ),
        (f'format = {FORMAT}\nwritten_by = "1"\nwhat = 1', "pmpo.lock was edited or is incomplete (what: "),
    ],
)
def test_what_is_no_lock_is_refused_with_the_remedy(text: str, said: str) -> None:
    message = refusal(text)
    assert message.startswith(said)
    assert "pmpo ci refresh" in message or "delete it and refresh" in message


def test_a_prompt_that_stands_twice_after_a_bad_merge_is_refused() -> None:
    text = lock_text(Lock({"a": locked()}, "1"))
    twice = text + text.split("\n\n", 1)[1]
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads(twice)
    assert refusal(twice).startswith("pmpo.lock is no lock (")
