"""Codecs: what comes back is equal, to the last bit of a float; what another version wrote is refused."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmpo.contracts.jobs import EventView
from pmpo.errors import JournalMismatchError
from pmpo.optim import events as ev
from pmpo.optim.journal import JournalEntry
from pmpo.optim.types import Completion, Example, ModelIdentity, Scores, Splits
from pmpo.runs import codec

# Every type that a codec carries, built from its declared field types: a new field of an event is covered at once.
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
st.register_type_strategy(float, FLOATS)
st.register_type_strategy(str, TEXTS)


def _built(declared: type) -> st.SearchStrategy[Any]:
    return st.from_type(declared)


@pytest.mark.parametrize("declared", codec.EVENT_TYPES.values(), ids=codec.EVENT_TYPES)
@settings(max_examples=20)
@given(data=st.data())
def test_every_event_comes_back_equal(declared: type[ev.Event], data: st.DataObject) -> None:
    event = data.draw(_built(declared))
    assert codec.decode_event(codec.encode_event(event)) == event
    view = EventView.model_validate_json(codec.encode_event(event))
    assert view == codec.event_view(event)
    assert codec.event_of(view) == event


def test_every_event_has_its_class_in_snake_case_as_kind() -> None:
    view = codec.event_view(ev.IterationStarted(7, 2, 0, 0.5, ev.Spent(1, 2, 3, 4.0)))
    assert (view.number, view.kind) == (7, "iteration_started")
    assert view.data == {
        "iteration": 2,
        "incumbent_id": 0,
        "train_loss": 0.5,
        "spent": {"scored_tokens": 1, "computed_tokens": 2, "generated_tokens": 3, "seconds": 4.0, "money": None},
    }
    assert len(codec.EVENT_TYPES) == 17


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        ("score", _built(Scores)),
        ("num_scored_tokens", st.lists(st.lists(st.integers(0, 10**6)))),
        ("count_tokens", st.lists(st.integers(0, 10**6))),
        ("rewrite", st.lists(st.lists(_built(Completion)))),
        ("answer", st.lists(st.lists(_built(Completion)))),
        ("clock", FLOATS),
    ],
)
@settings(max_examples=20)
@given(data=st.data())
def test_every_answer_comes_back_equal(kind: str, answers: st.SearchStrategy[Any], data: st.DataObject) -> None:
    entry = JournalEntry(data.draw(st.integers(1, 10**6)), kind, "d" * 64, data.draw(answers))
    again = codec.decode_entry(codec.encode_entry(entry))
    assert again == entry
    assert type(again.answer) is type(entry.answer)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 5e-324, sys.float_info.max, -0.0, 2.0])
def test_floats_keep_every_bit(value: float) -> None:
    again = codec.decode_entry(codec.encode_entry(JournalEntry(1, "clock", "d", value))).answer
    assert isinstance(again, float)
    assert again.hex() == value.hex()


@settings(max_examples=20)
@given(splits=_built(Splits))
def test_splits_come_back_equal(splits: Splits) -> None:
    assert codec.decode_splits(codec.encode_splits(splits)) == splits


def test_an_unknown_kind_is_not_stored() -> None:
    with pytest.raises(ValueError, match="no answer of kind 'divine' can be stored"):
        codec.encode_entry(JournalEntry(1, "divine", "d", 1))


def test_what_is_no_number_is_not_stored() -> None:
    with pytest.raises(ValueError, match="JSON"):
        codec.encode_entry(JournalEntry(1, "clock", "d", float("nan")))


def _entry(**changes: Any) -> bytes:
    return json.dumps({"version": 1, "call": 1, "kind": "clock", "digest": "d", "answer": 1.0, **changes}).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        _entry(version=2),
        _entry(kind="divine"),
        _entry(answer="soon"),
        _entry(answer=True),
        _entry(kind="score", answer={}),
        _entry(kind="score", answer={"surprise": 1}),
        _entry(kind="rewrite", answer=[[{"text": "x"}]]),
        _entry(kind="count_tokens", answer=[1.5]),
        _entry(kind="count_tokens", answer={"0": 1}),
    ],
)
def test_entries_of_another_version_are_refused(raw: bytes) -> None:
    with pytest.raises(JournalMismatchError, match="written by another version of the program"):
        codec.decode_entry(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b'{"number": 1, "kind": "big_bang", "data": {}}',
        b'{"number": 1, "kind": "search_finished", "data": {}}',
        b'{"number": 1, "kind": "search_finished", "data": {"result": 3}}',
    ],
)
def test_events_of_another_version_are_refused(raw: bytes) -> None:
    with pytest.raises(JournalMismatchError, match="written by another version"):
        codec.decode_event(raw)


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"version": 1, "splits": {"train": [1]}}'])
def test_splits_of_another_version_are_refused(raw: bytes) -> None:
    with pytest.raises(JournalMismatchError, match="the splits of a job"):
        codec.decode_splits(raw)


def test_the_first_identity_is_the_first_scores() -> None:
    def scored(call: int, name: str) -> JournalEntry:
        return JournalEntry(call, "score", "d", Scores((), (), 0, 0, ModelIdentity(name, "", "", "")))

    clock = JournalEntry(1, "clock", "d", 0.0)
    assert codec.first_identity([]) is None
    assert codec.first_identity([clock]) is None
    assert codec.first_identity([scored(9, "b"), clock, scored(2, "a")]) == ModelIdentity("a", "", "", "")


def test_examples_keep_their_fields() -> None:
    example = Example(3, "in", ("a", "b"), {"input": "in", "unit": "cm"}, 0.5)
    splits = Splits((example,), (example,))
    assert codec.decode_splits(codec.encode_splits(splits)) == splits


def test_a_job_that_cannot_be_read_says_why_and_what_to_do() -> None:
    with pytest.raises(JournalMismatchError, match=r"optimizer\.min_delta: .* submit it again"):
        codec.decode_spec(b'{"prompt":"p","dataset":{"train":[{}]},"optimizer":{"min_delta":null}}')
