"""Journaled ports: numbering, replay, digests and the clock."""

import pytest

from pmpo.errors import JournalMismatchError
from pmpo.optim.journal import JournaledPorts, SearchPorts, digest_of
from pmpo.optim.types import Example
from pmpo.testing.ports import FakeClock, FakeScorer, MemoryJournal, ScriptedGenerator

EXAMPLE = Example(0, "in", ("out",), {"input": "in"})


def ports(journal, clock=None, replay=()):
    generator = ScriptedGenerator(lambda request, rng: "x")
    return SearchPorts(FakeScorer({}), generator, generator, clock or FakeClock(), journal, replay=tuple(replay))


async def test_every_answer_is_journaled_under_its_number_before_it_is_used():
    journal = MemoryJournal()
    asked = JournaledPorts(ports(journal))
    await asked.count_tokens(["a b"])
    await asked.score(["p"], [EXAMPLE])
    assert [(entry.call, entry.kind) for entry in journal.entries] == [(1, "count_tokens"), (2, "score")]
    assert journal.entries[0].answer == [2]


async def test_an_error_of_a_port_is_not_journaled():
    journal = MemoryJournal()
    broken = ports(journal)

    async def fail(texts):
        raise ConnectionError("gone")

    failing = SearchPorts(
        type("Broken", (), {"count_tokens": staticmethod(fail)})(), broken.rewriter, broken.target, FakeClock(), journal
    )
    with pytest.raises(ConnectionError):
        await JournaledPorts(failing).count_tokens(["a"])
    assert journal.entries == []


async def test_another_question_under_a_journaled_number_is_refused():
    journal = MemoryJournal()
    await JournaledPorts(ports(journal)).count_tokens(["a"])
    replaying = JournaledPorts(ports(MemoryJournal(), replay=journal.entries))
    with pytest.raises(JournalMismatchError, match="call 1 is a count_tokens"):
        await replaying.count_tokens(["b"])


async def test_the_clock_goes_on_from_the_last_journaled_answer():
    journal = MemoryJournal()
    first = JournaledPorts(ports(journal, FakeClock(step_s=10)))
    assert [await first.elapsed_s(), await first.elapsed_s()] == [10, 20]
    later = JournaledPorts(ports(MemoryJournal(), FakeClock(step_s=1, now_s=0), journal.entries))
    seconds = [await later.elapsed_s() for _ in range(4)]
    assert seconds[:2] == [10, 20]
    assert 20 <= seconds[2] < seconds[3] <= 23


def test_digests_depend_on_the_content_alone():
    assert digest_of(["score", {"b": 1, "a": 2}]) == digest_of(["score", {"a": 2, "b": 1}])
    assert digest_of(["score", "ab", "c"]) != digest_of(["score", "a", "bc"])
    assert digest_of(["\ud800"]) != digest_of(["x"])
