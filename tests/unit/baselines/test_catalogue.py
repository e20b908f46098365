"""The catalogue, and that job files know exactly its names."""

from typing import get_args

import pytest

from pmpo.baselines.catalogue import CATALOGUE, rival_of
from pmpo.contracts.sections import Algorithm
from pmpo.errors import InvalidInputError


def test_job_files_know_pmpo_and_every_rival():
    assert set(get_args(Algorithm)) == {"pmpo", *CATALOGUE}


def test_each_entry_says_what_it_does_and_makes_a_fresh_rival():
    for name, entry in CATALOGUE.items():
        assert entry.name == name
        assert entry.line
        assert entry.paper == "none" or entry.paper.startswith("arXiv ")
        assert rival_of(name) is not rival_of(name)


@pytest.mark.parametrize(
    ("name", "published", "population"),
    [
        ("ape", "loss", 50),
        ("ape_ucb", "loss", 50),
        ("opro", "accuracy", 8),
        ("evoprompt_ga", "accuracy", 10),
        ("evoprompt_de", "accuracy", 10),
    ],
)
def test_defaults_are_the_papers(name, published, population):
    rival = rival_of(name)
    assert (rival.published, rival.num_proposals) == (published, population)
    assert rival_of(name, 7).num_proposals == 7


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(InvalidInputError, match="no rival 'dspy'; known are: static_answer_only"):
        rival_of("dspy")
