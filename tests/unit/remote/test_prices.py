"""Prices: from the endpoint table to the search, by what the tokens are for."""

from __future__ import annotations

import pytest

from pmpo.errors import InvalidInputError
from pmpo.optim.types import Prices
from pmpo.remote.prices import prices_of
from pmpo.runtime.endpoints import Endpoint

TABLE = {
    name: Endpoint.model_validate({"name": name, "url": "http://scorer:8100", "prices": prices})
    for name, prices in {
        "small": {"scored": 0.1, "generated": 0.4, "prompt": 0.2},
        "big": {"scored": 9.0, "generated": 8.0, "prompt": 7.0},
        "free": None,
    }.items()
}


def test_scoring_and_answers_are_the_targets_and_rewrites_the_rewriters() -> None:
    found = prices_of(TABLE, "small", "big")
    assert found == Prices(scored=0.1, rewriting=8.0, rewriting_prompt=7.0, answering=0.4, answering_prompt=0.2)


@pytest.mark.parametrize(("target", "rewriter"), [("free", "big"), ("small", "free"), ("free", "free")])
def test_without_the_prices_of_both_nothing_is_known(target: str, rewriter: str) -> None:
    assert prices_of(TABLE, target, rewriter) is None


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no endpoint is called 'bigg'"):
        prices_of(TABLE, "small", "bigg")


def test_of_several_targets_the_dearest_is_counted_and_the_first_one_answers() -> None:
    found = prices_of(TABLE, ["small", "big"], "small")
    assert found == Prices(scored=9.0, rewriting=0.4, rewriting_prompt=0.2, answering=0.4, answering_prompt=0.2)
    assert prices_of(TABLE, ["small", "free"], "small") is None
