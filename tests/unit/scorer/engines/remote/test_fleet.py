"""Who is asked next and who is left out."""

from __future__ import annotations

import random

from services.scorer.engines.remote.fleet import FIRST_EJECTION_S, MAX_EJECTION_S, Fleet, Server


class NoJitter(random.Random):
    def random(self) -> float:
        return 0.0


def fleet(num: int = 3, max_calls: int = 2) -> Fleet:
    return Fleet([Server(f"http://{place}") for place in range(num)], max_calls, NoJitter())


def test_the_fewest_tokens_under_way_win() -> None:
    some = fleet()
    taken = [some.try_take(tokens, 0.0) for tokens in (100, 10, 50, 5)]
    assert [server and server.url[-1] for server in taken] == ["0", "1", "2", "1"]
    some.give_back(some.servers[0], 100)
    assert some.try_take(1, 0.0) is some.servers[0]


def test_calls_at_one_server_are_bounded() -> None:
    some = fleet(num=1)
    assert some.try_take(1, 0.0) and some.try_take(1, 0.0)
    assert some.try_take(1, 0.0) is None
    some.give_back(some.servers[0], 1)
    assert some.try_take(1, 0.0) is not None


def test_an_ejected_server_gets_one_trial_when_its_while_is_over() -> None:
    some = fleet(num=2)
    sick = some.servers[0]
    assert some.eject(sick, "down", 10.0)
    assert some.try_take(1, 10.0) is some.servers[1]
    assert some.try_trial(10.0) is None
    assert some.next_trial_s(10.0) == FIRST_EJECTION_S
    assert some.try_trial(11.0) is sick
    assert some.try_trial(11.0) is None
    some.readmit(sick)
    assert some.try_take(1, 11.0) is sick


def test_the_while_doubles_up_to_a_bound_and_many_failures_at_once_are_one() -> None:
    some = fleet(num=1)
    sick = some.servers[0]
    now, waits = 0.0, []
    for _ in range(10):
        assert some.eject(sick, "down", now)
        assert not some.eject(sick, "again", now)  # calls that were under way fail too
        wait_s = some.next_trial_s(now)
        assert wait_s is not None
        waits.append(wait_s)
        now += wait_s
        assert some.try_trial(now) is sick
    assert waits[:3] == [FIRST_EJECTION_S, 2 * FIRST_EJECTION_S, 4 * FIRST_EJECTION_S]
    assert waits[-1] == MAX_EJECTION_S
    assert some.all_out()
    assert some.reasons() == "http://0: down"


def test_waits_can_be_ended_and_double_all_the_same() -> None:
    some = fleet(num=2)
    for server in some.servers:
        some.eject(server, "down", 0.0)
    assert some.try_trial(0.1) is None
    some.end_waits(0.1)
    assert {some.try_trial(0.1), some.try_trial(0.1)} == set(some.servers)
    assert some.eject(some.servers[0], "down", 0.1)
    assert some.next_trial_s(0.1) == 2 * FIRST_EJECTION_S
